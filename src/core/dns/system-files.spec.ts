import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParsedFile, parseHosts, parseResolvConf } from './system-files.js';

describe('parseResolvConf', () => {
  const nothing = { servers: [], search: [], ndots: 1, timeoutMs: 2000, attempts: 2 };
  it.each<[string, string, object]>([
    ['nothing', '', {}],
    ['comments', '# nameserver 10.0.0.1\n; nameserver 10.0.0.2', {}],
    ['servers', 'nameserver 10.0.0.1\nnameserver fd00::1 # two\n', { servers: ['10.0.0.1', 'fd00::1'] }],
    ['white space', '\tnameserver \t 10.0.0.1  \r\n', { servers: ['10.0.0.1'] }],
    ['search domains', 'search a.b. c', { search: ['a.b', 'c'] }],
    ['the last of domain and search', 'search a b\ndomain c', { search: ['c'] }],
    ['a search of the root only', 'search .', {}],
    ['options of Kubernetes', 'options ndots:5', { ndots: 5 }],
    [
      'several options',
      'options timeout:1 attempts:3 rotate\noptions edns0 ndots:2',
      { timeoutMs: 1000, attempts: 3, ndots: 2 },
    ],
    [
      'options above the limits',
      'options ndots:99 timeout:999 attempts:99',
      { ndots: 15, timeoutMs: 30_000, attempts: 5 },
    ],
    ['options that say zero', 'options timeout:0 attempts:0 ndots:0', { timeoutMs: 1000, attempts: 1, ndots: 0 }],
    ['options that are no numbers', 'options ndots:x timeout:-1 attempts', {}],
  ])('reads %s', (_case, text, expected) => {
    expect(parseResolvConf(text, 'machine')).toEqual({ ...nothing, ...expected });
  });

  it("searches the domain of the machine's own name unless the file says otherwise", () => {
    expect(parseResolvConf('', 'web1.example.org').search).toEqual(['example.org']);
    expect(parseResolvConf('search a', 'web1.example.org').search).toEqual(['a']);
  });
});

it('parseHosts collects the addresses of each name, in any case, and skips what it does not understand', () => {
  const text = '127.0.0.1 Localhost a # b\n::1 localhost\n\n10.0.0.1 a\n10.0.0.1\ta A\nnonsense a\n# 10.0.0.9 a\n';
  expect([...parseHosts(text)]).toEqual([
    ['localhost', ['127.0.0.1', '::1']],
    ['a', ['127.0.0.1', '10.0.0.1']],
  ]);
});

it('a parsed file is parsed again only when it has changed, and is empty while it is missing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'parsed-'));
  const path = join(folder, 'file');
  let parses = 0;
  const file = new ParsedFile(path, (text) => {
    parses += 1;
    return text;
  });
  try {
    expect([file.read(), file.read(), parses]).toEqual(['', '', 1]);
    writeFileSync(path, 'a');
    expect([file.read(), file.read(), parses]).toEqual(['a', 'a', 2]);
    writeFileSync(path, 'b');
    utimesSync(path, 1, 1);
    expect([file.read(), parses]).toEqual(['b', 3]);
    rmSync(path);
    expect([file.read(), parses]).toEqual(['', 4]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

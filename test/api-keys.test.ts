import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PinoLogger } from 'nestjs-pino';
import { ApiKeys } from '../src/auth/api-keys.js';
import { sha256 } from '../src/config/api-keys.js';
import { readEnvironment } from '../src/config/environment.js';
import type { Problem } from '../src/core/problem.js';
import { eventually } from './support/eventually.js';

const file = (...names: string[]) =>
  names.map((name) => `- { name: ${name}, role: viewer, sha256: ${sha256(`key-${name}`).toString('hex')} }\n`).join('');

let path: string;
let keys: ApiKeys;
/** What was logged as an error. */
let refusals: Problem[];
beforeEach(async () => {
  path = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'keys-')), 'keys.yaml');
  refusals = [];
});
afterEach(() => keys.stop());

const environment = () => ({ ...readEnvironment({ API_KEYS_FILE: path }), DATABASE_URL: '' });

/** Reads the file, and watches it. */
function open(): void {
  const logger = { info() {}, error: ({ err }: { err: Problem }) => refusals.push(err) };
  keys = new ApiKeys(environment(), logger as unknown as PinoLogger);
  keys.watch();
}

const found = () => ['a', 'b', 'c'].filter((name) => keys.find(`key-${name}`)?.name === name);
const isRefused = (code: string, message: string) =>
  eventually(() =>
    expect(refusals).toEqual([expect.objectContaining({ code, message: expect.stringContaining(message) })]),
  );

describe('the file of API keys', () => {
  it('is read again whenever it changes', async () => {
    await writeFile(path, file('a'));
    open();
    await eventually(() => expect(found()).toEqual(['a']));
    await writeFile(path, file('b', 'c'));
    await eventually(() => expect(found()).toEqual(['b', 'c']));
  });

  it('may be a link that is swapped, as Kubernetes does it', async () => {
    const mounted = join(path, '..');
    const publish = async (version: string, text: string) => {
      await mkdir(join(mounted, version));
      await writeFile(join(mounted, version, 'keys.yaml'), text);
      await symlink(version, join(mounted, '..next'));
      await rename(join(mounted, '..next'), join(mounted, '..data'));
    };
    await symlink(join('..data', 'keys.yaml'), path);
    await publish('..1', file('a'));
    open();
    await eventually(() => expect(found()).toEqual(['a']));
    await publish('..2', file('b'));
    await eventually(() => expect(found()).toEqual(['b']));
  });

  it.each([
    ['no YAML', '- { name: b', 'line 1: '],
    ['empty', '', 'must be a list'],
    ['a map', 'keys: []', 'must be a list'],
    ['an empty list', '[]', 'must have at least one key'],
    ['a key twice', file('b', 'b'), 'line 2: 1: there is another key named b'],
    ['a key under two names', file('b') + file('b').replace('name: b', 'name: c'), 'it is the same key as b'],
    ['a name of the audit', file('anonymous'), '0.name: must not be one of anonymous, code, file'],
    [
      'a time without a zone',
      file('b').replace(' }', ', expiresAt: 2027-01-01T00:00:00 }'),
      '0.expiresAt: must be ISO',
    ],
    ['an unknown field', file('b').replace(' }', ', owner: me }'), 'line 1: 0: Unrecognized key: "owner"'],
  ])('with a fault is refused once, and refuses the start: %s', async (_case, bad, fault) => {
    await writeFile(path, file('a'));
    open();
    await writeFile(path, bad);
    await isRefused('API_KEYS_FILE_INVALID', fault);
    expect(() => new ApiKeys(environment(), {} as PinoLogger)).toThrow(
      expect.objectContaining({ code: 'API_KEYS_FILE_INVALID', message: expect.stringContaining(fault) }),
    );
    await writeFile(path, file('b'));
    await eventually(() => expect(found()).toEqual(['b']));
    expect(refusals).toHaveLength(1);
  });

  it.each([
    ['a wrong role', file('b').replace('viewer', 'root'), ['b', 'c']],
    ['an unknown field', file('b').replace(' }', ', owner: me }'), ['b', 'c']],
    ['an expiry without a zone', file('b').replace(' }', ', expiresAt: 2027-01-01T00:00:00 }'), ['b', 'c']],
    ['a digest that is cut off', file('b').replace(/.. }/, ' }'), ['c']],
    ['a name twice', file('c').replace(/sha256: ../, 'sha256: 00'), ['c']],
    ['no map', '- b\n', ['c']],
  ])('with a fault in one entry withdraws the keys whose entries are gone, and adds valid ones: %s', async (...row) => {
    const [, faulty, left] = row;
    await writeFile(path, file('a', 'b'));
    open();
    await writeFile(path, file('c') + faulty);
    await eventually(() => expect(found()).toEqual(left));
    expect(keys.lastReload).toMatchObject({ success: false });
  });

  it('with a fault in an entry leaves the key of that entry as it was', async () => {
    await writeFile(path, file('a', 'b'));
    open();
    await writeFile(path, file('a') + file('b').replace('role: viewer', 'role: operater'));
    await eventually(() => expect(keys.lastReload).toMatchObject({ success: false }));
    expect(keys.find('key-b')).toMatchObject({ name: 'b', role: 'viewer' });
  });

  it.each([
    ['is removed', () => rm(path), 'API_KEYS_FILE_UNREADABLE'],
    ['is emptied', () => writeFile(path, ''), 'API_KEYS_FILE_INVALID'],
    ['has no entry left', () => writeFile(path, '[]'), 'API_KEYS_FILE_INVALID'],
    ['is a link to nothing', async () => (await rm(path), symlink('nowhere', path)), 'API_KEYS_FILE_UNREADABLE'],
  ])('that %s leaves no key valid, until it is there again', async (_case, act, code) => {
    await writeFile(path, file('a'));
    open();
    await act();
    await isRefused(code, path);
    expect(found()).toEqual([]);
    await rm(path, { force: true });
    await writeFile(path, file('a'));
    await eventually(() => expect(found()).toEqual(['a']));
    expect(keys.lastReload).toMatchObject({ success: true });
  });

  it.each([
    ['is no YAML', () => writeFile(path, '- { name: b'), 'API_KEYS_FILE_INVALID'],
    ['cannot be read', async () => (await rm(path), mkdir(path)), 'API_KEYS_FILE_UNREADABLE'],
  ])('that %s changes nothing', async (_case, act, code) => {
    await writeFile(path, file('a'));
    open();
    await act();
    await isRefused(code, '');
    expect(found()).toEqual(['a']);
    expect(keys.lastReload).toMatchObject({ success: false });
  });

  it('may be missing for a moment while it is replaced', async () => {
    await writeFile(path, file('a'));
    open();
    const poll = () => (keys as unknown as { poll(): Promise<void> }).poll();
    await keys.stop();
    await rm(path);
    await poll();
    await writeFile(path, file('a'));
    await poll();
    await poll();
    expect(found()).toEqual(['a']);
    expect(refusals).toEqual([]);
  });

  it('that cannot be read refuses the start', () => {
    keys = new ApiKeys(
      { ...readEnvironment({ API_KEYS: 'a:viewer:key-a-0123456789' }), DATABASE_URL: '' },
      {} as PinoLogger,
    );
    expect(keys.find('key-a-0123456789')).toMatchObject({ name: 'a', role: 'viewer' });
    expect(open).toThrow(expect.objectContaining({ code: 'API_KEYS_FILE_UNREADABLE' }));
  });
});

import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PinoLogger } from 'nestjs-pino';
import { ApiKeys } from '../src/auth/api-keys.js';
import { sha256 } from '../src/config/api-keys.js';
import { readEnvironment } from '../src/config/environment.js';
import { eventually } from './support/eventually.js';

const file = (...names: string[]) =>
  names.map((name) => `- { name: ${name}, role: viewer, sha256: ${sha256(`key-${name}`).toString('hex')} }\n`).join('');

let path: string;
let keys: ApiKeys;
let lines: string[];
beforeEach(async () => {
  path = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'keys-')), 'keys.yaml');
  lines = [];
});
afterEach(() => keys.stop());

/** With a log that is written down. */
function open(): void {
  const logger = { info: () => lines.push('info'), error: ({ err }: { err: Error }) => lines.push(err.message) };
  const environment = { ...readEnvironment({ API_KEYS_FILE: path }), DATABASE_URL: '' };
  keys = new ApiKeys(environment, logger as unknown as PinoLogger);
  keys.watch();
}

const found = () => ['a', 'b', 'c'].filter((name) => keys.find(`key-${name}`)?.name === name);
const tells = (words: string) => eventually(() => expect(lines.join('\n')).toContain(words));

describe('the file of API keys', () => {
  it('is taken again whenever it changes', async () => {
    await writeFile(path, file('a'));
    open();
    await eventually(() => expect(found()).toEqual(['a']));
    await writeFile(path, file('b', 'c'));
    await eventually(() => expect(found()).toEqual(['b', 'c']));
  });

  it('is followed where it is a link that is swapped, as Kubernetes does', async () => {
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
  ])('that is bad is told once and changes nothing: %s', async (_case, bad, words) => {
    await writeFile(path, file('a'));
    open();
    await writeFile(path, bad);
    await tells(words);
    await eventually(() => expect(found()).toEqual(['a']));
    await writeFile(path, file('b'));
    await eventually(() => expect(found()).toEqual(['b']));
    expect(lines.filter((line) => line.includes('is not valid'))).toHaveLength(1);
  });

  it('that is gone changes nothing', async () => {
    await writeFile(path, file('a'));
    open();
    await rm(path);
    await tells('API_KEYS_FILE cannot be read');
    await eventually(() => expect(found()).toEqual(['a']));
    await writeFile(path, file('b'));
    await eventually(() => expect(found()).toEqual(['b']));
  });

  it('that cannot be read at the start refuses it', () => {
    keys = new ApiKeys({ ...readEnvironment({ API_KEYS: 'a:viewer:key-a' }), DATABASE_URL: '' }, {} as PinoLogger);
    expect(keys.find('key-a')).toMatchObject({ name: 'a', role: 'viewer' });
    expect(open).toThrow(/API_KEYS_FILE cannot be read/);
  });
});

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

/** Reads the file, and watches it. */
function open(): void {
  const logger = { info() {}, error: ({ err }: { err: Problem }) => refusals.push(err) };
  const environment = { ...readEnvironment({ API_KEYS_FILE: path }), DATABASE_URL: '' };
  keys = new ApiKeys(environment, logger as unknown as PinoLogger);
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
  ])('with a fault is refused once and changes nothing: %s', async (_case, bad, fault) => {
    await writeFile(path, file('a'));
    open();
    await writeFile(path, bad);
    await isRefused('API_KEYS_FILE_INVALID', fault);
    await eventually(() => expect(found()).toEqual(['a']));
    await writeFile(path, file('b'));
    await eventually(() => expect(found()).toEqual(['b']));
    expect(refusals).toHaveLength(1);
  });

  it('that is removed changes nothing', async () => {
    await writeFile(path, file('a'));
    open();
    await rm(path);
    await isRefused('API_KEYS_FILE_UNREADABLE', path);
    await eventually(() => expect(found()).toEqual(['a']));
    await writeFile(path, file('b'));
    await eventually(() => expect(found()).toEqual(['b']));
  });

  it('that cannot be read refuses the start', () => {
    keys = new ApiKeys({ ...readEnvironment({ API_KEYS: 'a:viewer:key-a' }), DATABASE_URL: '' }, {} as PinoLogger);
    expect(keys.find('key-a')).toMatchObject({ name: 'a', role: 'viewer' });
    expect(open).toThrow(expect.objectContaining({ code: 'API_KEYS_FILE_UNREADABLE' }));
  });
});

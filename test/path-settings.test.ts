import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createTestDatabase, type TestDatabase } from './support/database.js';

const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');
const NOBODY = 65534;
/** Root may read everything. */
const user = process.geteuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

let database: TestDatabase;
/** The current folder of the processes. Not in TEST_SCRATCH, which only root can reach when root runs the tests. */
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'cronzimus-paths-'));
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'file'), 'text');
  await mkdir(join(folder, 'folder'));
  await symlink('nowhere', join(folder, 'dangling'));
  await symlink('loop', join(folder, 'loop'));
  await writeFile(join(folder, 'locked-file'), 'text', { mode: 0o000 });
  await mkdir(join(folder, 'locked-folder'), { mode: 0o000 });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

/** The output and the exit code of a start with these variables. */
async function start(variables: Record<string, string>, cwd = folder): Promise<{ output: string; code: number }> {
  const { PATH, NODE_OPTIONS } = process.env;
  const env = { PATH, NODE_OPTIONS, PORT: '0', LOG_LEVEL: 'fatal', ...variables };
  const child = spawn(process.execPath, [MAIN], { cwd, env, ...user, timeout: 60_000 });
  const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number]>]);
  return { output, code };
}

type Reasons = Record<string, RegExp>;

const LOCKED = /user \d+ may not (read|write to) /;
const FOLDER: Reasons = {
  file: /is a file/,
  dangling: /a symbolic link to nowhere, which does not exist/,
  'locked-folder': LOCKED,
};
const BELOW: Reasons = { 'file/below': /file is a file/, loop: /leads to itself/, 'locked-folder/below': LOCKED };
const ALL_FOLDERS: Reasons = { ...FOLDER, ...BELOW };
const FILE: Reasons = { missing: /does not exist/, folder: /is a folder/, 'locked-file': LOCKED };
const ALL_FILES: Reasons = { ...FILE, ...BELOW, dangling: FOLDER['dangling']! };

/** Variables of a start that gets as far as the API keys, the jobs and the secrets. */
const withDatabase = (variables: Record<string, string>) => ({ DATABASE_URL: database.url, ...variables });
function withUrlOf(name: string, parameter: string, path: string) {
  const url = new URL(database.url);
  url.searchParams.set(parameter, path);
  return withDatabase({ [name]: url.href });
}

describe('a start with a path that cannot be used prints one line that names the setting, the path and what would work', () => {
  it.each<[name: string, (path: string) => Record<string, string>, Reasons, wanted: RegExp]>([
    ['DATABASE_URL_FILE', (path) => ({ DATABASE_URL_FILE: path }), ALL_FILES, /to a file that this process may read/],
    [
      'DATA_DIR',
      (path) => ({ DATA_DIR: path }),
      ALL_FOLDERS,
      /to a folder that this process may write to, or set DATABASE_URL/,
    ],
    ['API_KEYS_FILE', (path) => withDatabase({ API_KEYS_FILE: path }), FILE, /to a file that this process may read/],
    ['JOBS_FILE', (path) => withDatabase({ JOBS_FILE: path }), { ...FILE, folder: /holds no file \*\.yaml/ }, / file /],
    [
      'SECRETS_DIR',
      (path) => withDatabase({ SECRETS_DIR: path }),
      { ...FOLDER, missing: /does not exist/ },
      /to a folder that this process may read/,
    ],
    [
      'DATABASE_URL',
      (path) => withUrlOf('DATABASE_URL', 'sslrootcert', path),
      FILE,
      /sslrootcert.*to a file that this process may read/,
    ],
    ['DATABASE_DIRECT_URL', (path) => withUrlOf('DATABASE_DIRECT_URL', 'sslcert', path), { missing: /./ }, /sslcert/],
    ['SQL_TASK_DATABASE_URL', (path) => withUrlOf('SQL_TASK_DATABASE_URL', 'sslkey', path), { missing: /./ }, /sslkey/],
  ])('%s', async (name, variables, places, wanted) => {
    const results = await Promise.all(
      Object.entries(places).map(async ([path, why]) => ({
        path: join(folder, path),
        why,
        ...(await start(variables(join(folder, path)))),
      })),
    );
    for (const { path, why, output, code } of results) {
      expect({ path, output }).toEqual({ path, output: expect.stringMatching(why) as string });
      const line = output.split('\n').find((each) => each.includes(path)) ?? output;
      expect(line).toContain(name);
      expect(line).toMatch(wanted);
      expect(output.trim().split('\n').length).toBeLessThanOrEqual(2);
      expect({ path, output, code }).toEqual({
        path,
        output: expect.not.stringMatching(/^ {2,}at /m) as string,
        code: 1,
      });
    }
  });

  it.each(['folder', 'locked-file'])('.env that is a %s', async (kind) => {
    const cwd = join(folder, `env-${kind}`);
    await mkdir(cwd);
    if (kind === 'folder') await mkdir(join(cwd, '.env'));
    else await writeFile(join(cwd, '.env'), 'PORT=0', { mode: 0o000 });
    const { output, code } = await start(withDatabase({}), cwd);
    expect(output).toMatch(/^BAD_ENVIRONMENT: \.env: .*(is a folder|may not read).*a file that this process may read/);
    expect(output.trim().split('\n').length).toBeLessThanOrEqual(2);
    expect(code).toBe(1);
  });
});

it('an empty path counts as not set, and the folder of secrets is needed only by workers', async () => {
  const empty = Object.fromEntries(
    ['DATABASE_URL_FILE', 'API_KEYS_FILE', 'JOBS_FILE', 'SECRETS_DIR', 'DATA_DIR'].map((name) => [name, '']),
  );
  const other = { DATABASE_URL: database.url, HOST: 'absent.invalid', AUTH_MODE: 'none' };
  // These starts get as far as the address to listen on.
  expect(await start({ ...other, ...empty })).toMatchObject({
    output: expect.stringMatching(/^HOST_UNKNOWN/) as string,
  });
  expect(await start({ ...other, ROLES: 'api', SECRETS_DIR: 'missing' })).toMatchObject({
    output: expect.stringMatching(/^HOST_UNKNOWN/) as string,
  });
});

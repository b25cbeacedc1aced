import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Secrets } from '../src/tasks/secrets.js';
import { createTestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { finishedJob, TestService } from './support/service.js';

const KEY = 'a-key-of-twenty-chars';
const DATABASE_URL = 'postgres://service:pass%2Fof-the-service@db.example.org/x';
const SQL_TASK_DATABASE_URL = 'postgres://reports:pass-of-reports@db.example.org/x';
const KEYS = '- { name: ci, role: admin, sha256: … }';
/** Every part of a value that a message must not quote. */
const VALUES = [KEY, '-the-service', 'of-reports', KEYS];

const keys = { find: (word: string) => (word === KEY ? ({ name: 'ci' } as never) : undefined) };
let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(process.env['TEST_SCRATCH'] ?? tmpdir(), 'own-'));
  folder = join(root, 'secrets');
  await mkdir(folder);
  await writeFile(join(root, 'keys.yaml'), KEYS);
  await writeFile(join(root, 'url'), `${DATABASE_URL}\n`);
});
afterEach(() => rm(root, { recursive: true }));

const secrets = (more: object = {}) =>
  new Secrets(
    {
      SECRETS_DIR: folder,
      DATABASE_URL,
      SQL_TASK_DATABASE_URL,
      DATABASE_URL_FILE: join(root, 'url'),
      API_KEYS_FILE: join(root, 'keys.yaml'),
      JOBS_FILE: join(folder, 'jobs.yaml'),
      ...more,
    },
    keys,
  );
const refused = (what: string) => ({
  start: expect.objectContaining({
    code: 'BAD_ENVIRONMENT',
    message: expect.stringContaining(`SECRETS_DIR: the file "own" ${what}; a job could send it anywhere`),
  }),
  use: expect.objectContaining({ code: 'SECRET_REFUSED', message: expect.stringContaining(what) }),
});

/** The errors of a start and of an input that refers to the file. Neither quotes a value. */
async function errors(): Promise<{ start: Error; use: Error }> {
  const start: Error = await secrets().onModuleInit().then(fail, asError);
  const use: Error = await secrets()
    .fillIn({ a: { $secret: 'own' } })
    .then(fail, asError);
  for (const value of VALUES) expect(`${start.message} ${use.message}`).not.toContain(value);
  return { start, use };
}
const asError = (error: Error) => error;
const fail = () => new Error('it was accepted');

describe('a file in SECRETS_DIR is refused, at the start and when an input refers to it, when it', () => {
  it.each<[string, (own: string) => Promise<unknown>, string]>([
    [
      'is a symlink to the keys file',
      (own) => symlink(join(root, 'keys.yaml'), own),
      'is the file that API_KEYS_FILE names',
    ],
    [
      'is a hard link to the file of the URL',
      (own) => link(join(root, 'url'), own),
      'is the file that DATABASE_URL_FILE names',
    ],
    [
      'is a copy of the keys file',
      (own) => writeFile(own, `${KEYS}\n`),
      'is a copy of the file that API_KEYS_FILE names',
    ],
  ])('%s', async (_case, make, what) => {
    await make(join(folder, 'own'));
    expect(await errors()).toEqual(refused(what));
  });

  it('is the keys file in the same Kubernetes mount', async () => {
    await mkdir(join(folder, '..2026_01_01'));
    await rename(join(root, 'keys.yaml'), join(folder, '..2026_01_01', 'own'));
    await symlink('..2026_01_01', join(folder, '..data'));
    await symlink(join('..data', 'own'), join(folder, 'own'));
    await symlink(join(folder, 'own'), join(root, 'keys.yaml'));
    expect(await errors()).toEqual(refused('is the file that API_KEYS_FILE names'));
  });

  it.each([
    ['the URL in a longer text', `url=${SQL_TASK_DATABASE_URL}?x=1`, 'contains SQL_TASK_DATABASE_URL'],
    ['the password', 'pass/of-the-service\n', 'contains the password of DATABASE_URL'],
    ['the password as the URL has it', 'pass%2Fof-the-service', 'contains the password of DATABASE_URL'],
    ['the password in a sentence', 'user reports, pass-of-reports', 'contains the password of SQL_TASK_DATABASE_URL'],
    [
      'the password in another URL',
      'postgres://a:pass-of-reports@b/c',
      'contains the password of SQL_TASK_DATABASE_URL',
    ],
    ['an API key', KEY, 'contains the API key "ci"'],
    ['the header of an API key', `Bearer ${KEY}\n`, 'contains the API key "ci"'],
  ])('contains %s', async (_case, content, what) => {
    await writeFile(join(folder, 'own'), content);
    expect(await errors()).toEqual(refused(what));
  });
});

it.each([
  ['any other credential', 'Bearer another-key-of-twenty'],
  ['a URL of the same host', 'postgres://other:secret@db.example.org/x'],
  ['a longer word that begins with the password', 'pass-of-reports-and-more'],
])('a file in SECRETS_DIR is accepted with %s', async (_case, content) => {
  await writeFile(join(folder, 'own'), content);
  await writeFile(join(folder, 'jobs.yaml'), 'jobs: {}');
  await expect(secrets().onModuleInit()).resolves.toBeUndefined();
  await expect(secrets().fillIn({ a: { $secret: 'own' } })).resolves.toMatchObject({ secrets: [content] });
});

it('a start is refused with the file of the database URL in SECRETS_DIR', async () => {
  const database = await createTestDatabase();
  const file = join(folder, 'database-url');
  await writeFile(file, database.url);
  const { PATH, NODE_OPTIONS } = process.env;
  const env = { PATH, NODE_OPTIONS, PORT: '0', DATABASE_URL_FILE: file, SECRETS_DIR: folder };
  const child = spawn(process.execPath, [join(import.meta.dirname, '../dist/main.js')], {
    cwd: root,
    env,
    timeout: 60_000,
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  await database.drop();
  expect(stderr).toMatch(
    /^BAD_ENVIRONMENT: .*\n {2}SECRETS_DIR: the file "database-url" is the file that DATABASE_URL_FILE/,
  );
  expect(stderr).not.toContain(database.url);
  expect(code).toBe(1);
});

it('a run fails with a secret that became a credential of the service after the start', async () => {
  const service = await TestService.start({ SECRETS_DIR: folder, API_KEYS: `ci:admin:${KEY}`, AUTH_MODE: 'keys' });
  try {
    await service.given(finishedJob('echo', 'echo', { input: { text: { $secret: 'own' } } }));
    await writeFile(join(folder, 'own'), service.database);
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const asked = await fetch(`${service.url}/api/v1/jobs/echo/run`, { method: 'POST', headers });
    const { id } = (await asked.json()) as { id: string };
    await eventually(async () => {
      const run = await fetch(`${service.url}/api/v1/runs/${id}`, { headers });
      expect(await run.json()).toMatchObject({ state: 'failed', error: { code: 'SECRET_REFUSED' } });
    });
  } finally {
    await service.stop();
  }
});

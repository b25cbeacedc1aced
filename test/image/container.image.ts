import { createServer } from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { ask } from '../support/ask.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { Container, docker } from './docker.js';

const IMAGE = process.env['IMAGE']!;
const OWN_TASKS_IMAGE = process.env['OWN_TASKS_IMAGE']!;
const MOST_ADDED_MEGABYTES = 45;
const KEY = 'trial-key';

let database: TestDatabase;
const containers: Container[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => Promise.all(containers.splice(0).map((container) => container.remove())));
afterAll(() => database.drop());

/** Ends with the test, whatever becomes of it. */
async function start(image: string, variables: Record<string, string>, ...command: string[]): Promise<Container> {
  const container = await Container.start(image, variables, ...command);
  containers.push(container);
  return container;
}

/** A replica on the test's database; answers once it is ready. */
async function startReplica(image: string, variables: Record<string, string> = {}) {
  const port = await freePort();
  const began = Date.now();
  const own = { DATABASE_URL: database.url, API_KEYS: `check:admin:${KEY}`, PORT: String(port) };
  const container = await start(image, { ...own, ...variables });
  const address = `http://127.0.0.1:${port}`;
  await eventually(async () => expect((await fetch(`${address}/health/ready`)).status).toBe(200), { within: 60_000 });
  const readyMs = Date.now() - began;
  const api = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const answer = await fetch(`${address}/api/v1${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as { id: string; state: string; items: unknown[] } };
  };
  return { container, address, api, readyMs };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

const tell = (figure: string) => process.stdout.write(`${figure}\n`);

describe('the image', () => {
  it('says what it is, and starts Node without a shell as a user without rights', async () => {
    const { Config } = JSON.parse(await docker('inspect', '--format', '{{json .}}', IMAGE));
    expect(Config).toMatchObject({
      User: '65532:65532',
      WorkingDir: '/app',
      Entrypoint: ['node', 'dist/main.js'],
      Cmd: null,
      Healthcheck: { Test: ['CMD', 'node', '-e', expect.stringContaining('/health/live')] },
    });
    expect(Config.Env).toEqual(
      expect.arrayContaining(['NODE_ENV=production', 'HOST=0.0.0.0', 'PORT=3000', 'LOG_FORMAT=json']),
    );
    expect(Config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'Cronzimus',
      'org.opencontainers.image.licenses': 'MIT',
      'org.opencontainers.image.version': JSON.parse(readFileSync('package.json', 'utf8')).version,
      'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$/),
    });
  });

  it(`adds less than ${MOST_ADDED_MEGABYTES} MB to its base, and of packages only what runs`, async () => {
    const layers = (await docker('history', '--human=false', '--format', '{{.CreatedBy}}\t{{.Size}}', IMAGE)).split(
      '\n',
    );
    const added = layers.filter((layer) => layer.startsWith('COPY')).map((layer) => Number(layer.split('\t')[1]));
    const megabytes = added.reduce((sum, size) => sum + size, 0) / 1e6;
    tell(`size without the base: ${megabytes.toFixed(1)} MB`);
    expect(megabytes).toBeLessThan(MOST_ADDED_MEGABYTES);

    const print = 'process.stdout.write(fs.readFileSync("node_modules/.package-lock.json"))';
    const { packages } = JSON.parse(await docker('run', '--rm', '--entrypoint', 'node', IMAGE, '-e', print));
    const superfluous = Object.entries<{ dev?: true; optional?: true }>(packages).filter(
      ([, { dev, optional }]) => dev || optional,
    );
    expect(Object.keys(packages)).toContain('node_modules/pg');
    expect(superfluous).toEqual([]);
  });

  it('refuses to start without a key, and without a database', async () => {
    const keyless = await start(IMAGE, { DATABASE_URL: database.url });
    expect(await keyless.ended()).toBe(1);
    expect(await keyless.said()).toMatch(/BAD_ENVIRONMENT[^]*there are no keys; set API_KEYS_FILE or API_KEYS/);

    const homeless = await start(IMAGE, { API_KEYS: `check:admin:${KEY}` });
    expect(await homeless.ended()).toBe(1);
    expect(await homeless.said()).toMatch(/EMBEDDED_POSTGRES_MISSING: DATABASE_URL is not set.*set DATABASE_URL/);
  });

  it('migrates by a command of its own, without keys', async () => {
    const variables = { DATABASE_URL: database.url, DATABASE_SCHEMA: 'fresh', AUTH_MODE: 'none' };
    const container = await start(IMAGE, variables, 'migrate');
    expect([await container.ended(), await container.said()]).toEqual([0, expect.anything()]);
    expect(await ask(database.url, `SELECT to_regclass('fresh.jobs') IS NOT NULL AS made`)).toEqual([{ made: true }]);
  });

  it('is healthy, runs a job at its time and one by hand, and drains on SIGTERM', async () => {
    const { container, api, readyMs } = await startReplica(IMAGE, { SQL_TASK_DATABASE_URL: 'self' });
    tell(`start to ready: ${readyMs} ms`);
    const task = { task: 'sql', input: { statement: 'SELECT 1 AS one' } };
    const tick = { ...task, trigger: { type: 'interval', everySeconds: 1 } };
    expect((await api('PUT', '/jobs/tick', tick)).status).toBe(201);
    await eventually(async () =>
      expect((await api('GET', '/runs?job=tick&kind=schedule&state=succeeded')).body.items).not.toEqual([]),
    );
    await eventually(async () => expect((await container.state()).Health?.Status).toBe('healthy'), { within: 30_000 });

    const slow = {
      task: 'sql',
      input: { statement: 'SELECT pg_sleep(3)' },
      trigger: { type: 'date', at: '2100-01-01T00:00:00Z' },
    };
    expect((await api('PUT', '/jobs/slow', slow)).status).toBe(201);
    const { body: run } = await api('POST', '/jobs/slow/run');
    await eventually(async () => expect((await api('GET', `/runs/${run.id}`)).body.state).toBe('running'));
    const told = Date.now();
    await container.signal('TERM');
    expect(await container.ended()).toBe(0);
    tell(`SIGTERM to the end, with 3 s of a run under way: ${Date.now() - told} ms`);
    const [row] = await ask(database.url, `SELECT state, attempt FROM cronzimus.runs WHERE id = '${run.id}'`);
    expect(row).toEqual({ state: 'succeeded', attempt: 1 });
  });

  it('is made the same way for a project of its own, whose tasks it runs', async () => {
    const { container, api } = await startReplica(OWN_TASKS_IMAGE, { APP_NAME: 'own-tasks', DATABASE_SCHEMA: 'own' });
    const { body: run } = await api('POST', '/jobs/invoices.mark-overdue/run');
    await eventually(async () =>
      expect((await api('GET', `/runs/${run.id}`)).body).toMatchObject({ state: 'succeeded', output: { marked: 1 } }),
    );
    await container.signal('TERM');
    expect(await container.ended()).toBe(0);
  });
});

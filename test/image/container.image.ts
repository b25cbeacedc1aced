import { readFileSync } from 'node:fs';
import { runSql } from '../support/run-sql.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { Container, docker } from './docker.js';
import { KEYS, Replica } from './replica.js';

const IMAGE = process.env['IMAGE']!;
const OWN_TASKS_IMAGE = process.env['OWN_TASKS_IMAGE']!;
const MAX_ADDED_MEGABYTES = 45;

let database: TestDatabase;
const containers: Container[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => Promise.all(containers.splice(0).map((container) => container.remove())));
afterAll(() => database.drop());

/** A container that is removed at the end of the test. */
async function start(image: string, variables: Record<string, string>, ...command: string[]): Promise<Container> {
  const container = await Container.start(image, variables, ...command);
  containers.push(container);
  return container;
}

/** A replica on the test's database. */
const startReplica = (image: string, variables: Record<string, string>) =>
  Replica.start(image, { DATABASE_URL: database.url, ...variables }, (container) => containers.push(container));

const tell = (figure: string) => process.stdout.write(`${figure}\n`);

const sql = (statement: string, trigger: object) => ({ task: 'sql', input: { statement }, trigger });

describe('the image', () => {
  it('has labels, and starts Node without a shell as an unprivileged user', async () => {
    const { Config } = JSON.parse(await docker('inspect', '--format', '{{json .}}', IMAGE));
    expect(Config).toMatchObject({
      User: '65532:65532',
      WorkingDir: '/app',
      Entrypoint: ['node', '--expose-gc', 'dist/main.js'],
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

  it(`adds less than ${MAX_ADDED_MEGABYTES} MB to its base, and only packages that it needs to run`, async () => {
    const layers = (await docker('history', '--human=false', '--format', '{{.CreatedBy}}\t{{.Size}}', IMAGE)).split(
      '\n',
    );
    const added = layers.filter((layer) => layer.startsWith('COPY')).map((layer) => Number(layer.split('\t')[1]));
    const megabytes = added.reduce((sum, size) => sum + size, 0) / 1e6;
    tell(`size without the base: ${megabytes.toFixed(1)} MB`);
    expect(megabytes).toBeLessThan(MAX_ADDED_MEGABYTES);

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
    expect(await keyless.output()).toMatch(/BAD_ENVIRONMENT[^]*there are no API keys; set API_KEYS_FILE or API_KEYS/);

    const homeless = await start(IMAGE, KEYS);
    expect(await homeless.ended()).toBe(1);
    expect(await homeless.output()).toMatch(/EMBEDDED_POSTGRES_MISSING: DATABASE_URL is not set.*set DATABASE_URL/);
  });

  it('migrates with the command migrate, without keys', async () => {
    const variables = { DATABASE_URL: database.url, DATABASE_SCHEMA: 'fresh' };
    const container = await start(IMAGE, variables, 'migrate');
    expect([await container.ended(), await container.output()]).toEqual([0, expect.anything()]);
    expect(await runSql(database.url, `SELECT to_regclass('fresh.jobs') IS NOT NULL AS made`)).toEqual([
      { made: true },
    ]);
  });

  it('is healthy, runs scheduled and manual runs, and drains on SIGTERM', async () => {
    const replica = await startReplica(IMAGE, { SQL_TASK_DATABASE_URL: 'self' });
    tell(`start to ready: ${replica.readyMs} ms`);
    await replica.call('PUT', '/jobs/tick', sql('SELECT 1', { type: 'interval', everySeconds: 1 }));
    const ticks = async () => (await replica.call('GET', '/runs?job=tick&kind=schedule&state=succeeded')).items;
    await eventually(async () => expect(await ticks()).not.toEqual([]));
    const health = async () => (await replica.container.state()).Health?.Status;
    await eventually(async () => expect(await health()).toBe('healthy'), { within: 30_000 });

    await replica.call('PUT', '/jobs/slow', sql('SELECT pg_sleep(3)', { type: 'date', at: '2100-01-01T00:00:00Z' }));
    const { id } = await replica.call('POST', '/jobs/slow/run');
    await eventually(async () => expect((await replica.call('GET', `/runs/${id}`)).state).toBe('running'));
    const sent = Date.now();
    await replica.container.signal('TERM');
    expect(await replica.container.ended()).toBe(0);
    tell(`SIGTERM to the end, with 3 s of a run under way: ${Date.now() - sent} ms`);
    const row = await runSql(database.url, `SELECT state, attempt FROM cronzimus.runs WHERE id = '${id}'`);
    expect(row).toEqual([{ state: 'succeeded', attempt: 1 }]);
  });

  it('can be built for a project with its own tasks, and runs them', async () => {
    const replica = await startReplica(OWN_TASKS_IMAGE, { APP_NAME: 'own-tasks', DATABASE_SCHEMA: 'own' });
    const { id } = await replica.call('POST', '/jobs/invoices.mark-overdue/run');
    const marked = { state: 'succeeded', output: { marked: 1 } };
    await eventually(async () => expect(await replica.call('GET', `/runs/${id}`)).toMatchObject(marked));
    await replica.container.signal('TERM');
    expect(await replica.container.ended()).toBe(0);
  });
});

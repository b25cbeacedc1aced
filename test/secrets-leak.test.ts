import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { nextMessage } from './support/fork.js';
import { kill } from './support/kill.js';

const CANARY = 'Canary-of-"the"/mine+1';
const URL_CANARY = 'canary-of-the-path';
const PEM = [
  '-----BEGIN CANARY KEY-----',
  'Q2FuYXJ5IG9mIHRoZSBmaXJz',
  'dCBhbmQgb2YgdGhlIHNlY29u',
  '-----END CANARY KEY-----',
].join('\n');
const LOGIN = 'canary:of-a-login';
/** Patterns of the canaries, in every encoding in which they might leak. */
const TRACES = [
  ...PEM.split('\n').flatMap((line) => [line.slice(0, 8), line.slice(4, 12), line.slice(-8)]),
  LOGIN.slice(0, 8),
  LOGIN.slice(-8),
  btoa(LOGIN).slice(0, 8),
  CANARY.slice(0, 8),
  URL_CANARY.slice(0, 8),
  Buffer.from(CANARY).toString('base64').slice(0, 12),
  Buffer.from(CANARY).toString('hex'),
];

let database: TestDatabase;
let echo: Server;
let service: ChildProcess;
let api: string;
let printed: Promise<string>;
/** The requests that the server received. */
const received: string[] = [];

/** A server that echoes what it received in the status text, the headers and the body, or breaks off in the middle of the canary. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const { url, headers } = request;
  const { authorization = '' } = headers;
  received.push(`${url} ${authorization} ${body}`);
  const login = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
  const echoed = { login, authorization, body, url, [authorization]: Buffer.from(authorization).toString('base64') };
  response.setHeader('content-type', `application/json; told=${encodeURIComponent(authorization)}`);
  if (url === '/fails') response.writeHead(500, { 'content-type': 'text/plain' }).end(`${'x'.repeat(1010)}${CANARY}`);
  else if (url === '/lines') response.writeHead(500, { 'content-type': 'text/plain' }).end(`${'x'.repeat(990)}${body}`);
  else if (url === '/long') response.end(`${'x'.repeat(16_384 - 10)}${CANARY}`);
  else response.end(JSON.stringify(echoed));
}

async function startEcho(): Promise<string> {
  echo = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  return `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
}

const canary = { $secret: 'canary' };
const pem = { $secret: 'pem' };
const jobs = (base: string): Record<string, [task: string, input: object, state: string]> => ({
  'leak.echo': [
    'http',
    { url: `${base}/`, method: 'POST', headers: { authorization: canary }, body: { a: [canary] } },
    'succeeded',
  ],
  'leak.text': ['http', { url: `${base}/`, method: 'POST', body: canary }, 'succeeded'],
  'leak.long': ['http', { url: `${base}/long`, headers: { authorization: canary } }, 'succeeded'],
  'leak.fails': ['http', { url: `${base}/fails`, headers: { authorization: canary } }, 'failed'],
  'leak.url': ['http', { url: { $secret: 'hook' }, expectStatus: 204 }, 'failed'],
  'leak.unfit': ['http', { url: canary, method: canary }, 'failed'],
  'leak.sql': ['sql', { statement: 'SELECT $1::text AS told', values: [canary] }, 'succeeded'],
  'leak.sql-fails': ['sql', { statement: 'SELECT $1::int', values: [canary] }, 'failed'],
  'leak.login': ['http', { url: `${base}/`, headers: { authorization: { $secret: 'login' } } }, 'succeeded'],
  'leak.lines': ['http', { url: `${base}/`, method: 'POST', body: pem }, 'succeeded'],
  'leak.lines-in-json': ['http', { url: `${base}/lines`, method: 'POST', body: { a: [pem] } }, 'failed'],
  'leak.lines-sql': [
    'sql',
    { statement: String.raw`SELECT $1::text AS told, regexp_split_to_table($1, E'\n') AS line`, values: [pem] },
    'succeeded',
  ],
  'leak.lines-bytes': ['sql', { statement: `SELECT convert_to($1, 'UTF8') AS told`, values: [pem] }, 'succeeded'],
  'leak.lines-sql-fails': ['sql', { statement: 'SELECT $1::int', values: [pem] }, 'failed'],
  'leak.lines-tell': ['tell', { text: pem }, 'succeeded'],
  'leak.lines-throw': ['tell', { text: pem, fails: true }, 'failed'],
  'leak.tell': ['tell', { text: canary }, 'succeeded'],
  'leak.throw': ['tell', { text: canary, fails: true }, 'failed'],
});

let given: ReturnType<typeof jobs>;

beforeAll(async () => {
  database = await createTestDatabase();
  const base = await startEcho();
  const folder = await mkdtemp(join(process.env['TEST_SCRATCH'] ?? tmpdir(), 'secrets-'));
  await writeFile(join(folder, 'canary'), `${CANARY}\n`);
  await writeFile(join(folder, 'pem'), `${PEM}\n`);
  await writeFile(join(folder, 'login'), `Basic ${btoa(LOGIN)}`);
  await writeFile(join(folder, 'hook'), `${base}/hooks/${URL_CANARY}?key=${URL_CANARY}`);
  given = jobs(base);
  const trigger = { type: 'date', at: '2100-01-01T00:00:00Z' };
  const retry = { limit: 1, delaySeconds: 0 };
  const definitions = Object.entries(given).map(([name, [task, input]]) => [name, { task, input, trigger, retry }]);
  const file = join(folder, 'jobs.yaml');
  await writeFile(file, JSON.stringify({ jobs: Object.fromEntries(definitions) }));
  service = fork('test/support/leaking-process.js', {
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      NODE_OPTIONS: process.env['NODE_OPTIONS'],
      PORT: '0',
      DATABASE_URL: database.url,
      JOBS_FILE: file,
      SECRETS_DIR: folder,
      LOG_LEVEL: 'trace',
      LOG_FORMAT: 'json',
      // A proxy would open the connections in place of the service.
      NODE_USE_ENV_PROXY: '1',
      HTTP_PROXY: 'http://127.0.0.1:1',
    },
  });
  printed = Promise.all([text(service.stdout!), text(service.stderr!)]).then((both) => both.join('\n'));
  api = `${await nextMessage<string>(service)}/api/v1`;
});
afterAll(async () => {
  if (service) await kill(service, 'SIGKILL');
  echo.close();
  echo.closeAllConnections();
  await database.drop();
});

/** Runs the job, and waits until the run is in this state. */
async function runOf(name: string, state: string): Promise<{ id: string }> {
  const asked = await fetch(`${api}/jobs/${name}/run`, { method: 'POST', headers: { 'X-Cronzimus-Request': '1' } });
  const { id } = (await asked.json()) as { id: string };
  await eventually(async () => expect(await (await fetch(`${api}/runs/${id}`)).json()).toMatchObject({ state }));
  return { id };
}

/** All rows of all tables, one line each. */
async function dump(): Promise<string> {
  const tables = await runSql(
    database.url,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const rows = await Promise.all(
    tables.map(({ name }) => runSql(database.url, `SELECT t::text AS row FROM ${String(name)} t`)),
  );
  return rows
    .flat()
    .map(({ row }) => String(row))
    .join('\n');
}

it('a secret is used, and appears nowhere', async () => {
  const paths = ['/jobs', '/runs', '/tasks', '/scheduler'];
  for (const [name, [, , state]] of Object.entries(given)) {
    const { id } = await runOf(name, state);
    paths.push(`/jobs/${name}`, `/runs/${id}`, `/runs/${id}/logs`);
  }
  // Log lines are flushed each second.
  await eventually(async () =>
    expect(await runSql(database.url, 'SELECT DISTINCT run_id FROM cronzimus.run_logs')).toHaveLength(4),
  );
  const answers = await Promise.all(paths.map(async (path) => (await fetch(`${api}${path}`)).text()));
  await kill(service, 'SIGTERM');
  const places = { answers: answers.join('\n'), rows: await dump(), lines: await printed };

  expect(received).toEqual(
    expect.arrayContaining([
      `/ ${CANARY} ${JSON.stringify({ a: [CANARY] })}`,
      `/  ${CANARY}`,
      `/hooks/${URL_CANARY}?key=${URL_CANARY}  `,
    ]),
  );
  for (const [place, content] of Object.entries(places)) {
    expect([place, ...TRACES.filter((trace) => content.includes(trace))]).toEqual([place]);
    expect(content).toContain('***');
  }
  expect(places.answers).toContain('{"$secret":"canary"}');
});

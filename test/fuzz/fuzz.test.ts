import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { forkScript, nextMessage } from '../support/fork.js';
import { kill } from '../support/kill.js';
import { conformity } from './conformity.js';
import { Exchange } from './exchange.js';
import { type FuzzRequest, type OpenApi, requestsOf } from './requests.js';

const REQUESTS = Number(process.env['REQUESTS'] || 1_000);
const SEED = Number(process.env['SEED'] || Date.now() % 2 ** 31);
const AT_ONCE = 8;
/** Most of the growth is the heap that V8 takes while it may. */
const MAX_GROWTH_MIB = 512;

let database: TestDatabase;
let service: ChildProcess;
let url: string;
let openApi: OpenApi;
beforeAll(async () => {
  database = await createTestDatabase();
  service = forkScript('service-process.js', { DATABASE_URL: database.url, HTTP_TASK_ALLOWED_HOSTS: '127.0.0.1' });
  url = await nextMessage<string>(service);
  openApi = JSON.parse(await readFile(join(import.meta.dirname, '../../docs/openapi.json'), 'utf8')) as OpenApi;
});
afterAll(async () => {
  await kill(service, 'SIGKILL');
  await database.drop();
});

/** The resident memory of the service in MiB. */
async function memory(): Promise<number> {
  const status = await readFile(`/proc/${service.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

const shown = ({ method, path, headers, body = '' }: FuzzRequest) =>
  `${method} ${path.slice(0, 500)} ${JSON.stringify(headers).slice(0, 300)} ${body.slice(0, 1_000)}`;

/** Sends bytes and closes the sending half. Resolves to the response when the connection is closed. */
async function rawAnswer(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const chunks: Buffer[] = [];
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => {}).on('data', (chunk) => chunks.push(chunk));
  socket.end(bytes, 'latin1');
  await closed;
  return Buffer.concat(chunks).toString();
}

const post = (path: string) =>
  fetch(`${url}/api/v1${path}`, { method: 'POST', headers: { 'X-Cronzimus-Request': '1' } });

/** Sends all requests, some concurrently. Returns what was wrong, one example of each kind and route. */
async function faultsOf(requests: FuzzRequest[]): Promise<Record<string, string>> {
  const exchange = new Exchange(url);
  const judge = conformity(openApi);
  const faults: Record<string, string> = {};
  const statuses = new Map<number, number>();
  let turn = 0;
  const sendSome = async () => {
    for (let at = turn++; at < requests.length; at = turn++) {
      const request = exchange.filledIn(requests[at]!, at);
      try {
        const answer = await exchange.send(request);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        const fault = judge(request, answer);
        if (fault)
          faults[`${request.route}: ${answer.status} ${fault}`] ??= `${shown(request)} => ${answer.text.slice(0, 500)}`;
      } catch (error) {
        faults[`${request.route}: ${String(error)}`] ??= shown(request);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendSome));
  exchange.close();
  process.stderr.write(
    `fuzz: SEED=${SEED}, ${requests.length} requests, ${JSON.stringify([...statuses].toSorted(([a], [b]) => a - b))}\n`,
  );
  return faults;
}

describe(`${REQUESTS} requests from the OpenAPI document, right and hostile (SEED=${SEED})`, () => {
  it('all get a documented response and no 5xx, from the same process, in bounded memory', async () => {
    const requests = fc.sample(requestsOf(openApi), { numRuns: REQUESTS, seed: SEED });
    const before = await memory();
    expect(await faultsOf(requests)).toEqual({});
    expect(service.exitCode).toBeNull();
    const grown = (await memory()) - before;
    process.stderr.write(`fuzz: memory ${Math.round(before)} MiB, grown by ${Math.round(grown)} MiB\n`);
    expect(grown).toBeLessThan(MAX_GROWTH_MIB);
  }, 180_000);

  it.each([
    ['a NUL in a header', 'GET /health/live HTTP/1.1\r\nHost: localhost\r\nA: \0\r\n\r\n'],
    ['no Host', 'GET /health/live HTTP/1.1\r\n\r\n'],
    [
      'two lengths',
      'POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}',
    ],
    [
      'a broken chunk',
      'POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{',
    ],
    ['headers without end', `GET /health/live HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(100_000)}`],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no HTTP', '\x16\x03\x01\0\xa5'],
  ])('and %s on a socket end only that connection', async (_what, bytes) => {
    const answer = await rawAnswer(bytes);
    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d .*)?$/s);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  it('leave a service that still runs jobs', async () => {
    await post('/scheduler/resume');
    // Runs that were requested before come first.
    const { id } = await eventually(
      async () => {
        const asked = await post('/jobs/prune-runs/run');
        expect(asked.status).toBe(202);
        return (await asked.json()) as { id: string };
      },
      { within: 30_000 },
    );
    await eventually(
      async () => {
        const run = (await (await fetch(`${url}/api/v1/runs/${id}`)).json()) as { state: string };
        expect(run.state).toBe('succeeded');
      },
      { within: 30_000 },
    );
  }, 90_000);
});

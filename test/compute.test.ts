import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { Compute } from '../src/compute/compute.js';
import { ReadsInTurn } from '../src/compute/reads-in-turn.interceptor.js';
import { eventually } from './support/eventually.js';
import { TestService } from './support/service.js';

const KEYS = { alice: 'key-of-alice-0123456789', bob: 'key-of-bob-0123456789' };
const ALICE = { Authorization: `Bearer ${KEYS.alice}` };
const BOB = { Authorization: `Bearer ${KEYS.bob}` };

let service: TestService;
beforeAll(async () => {
  service = await TestService.start({
    API_KEYS: `alice:viewer:${KEYS.alice},bob:viewer:${KEYS.bob}`,
    // The other limits must not apply before the queue is full.
    HTTP_MAX_CONNECTIONS: '5000',
    HTTP_MAX_REQUESTS_PER_KEY: '5000',
    DATABASE_POOL_MAX: '80',
  });
});
afterAll(() => service.stop());

/** Each occurrence takes up to a millisecond to compute. */
const rare = { type: 'cron', expression: '30 2 L 3 +SUN', timeZone: 'Europe/Berlin' };
const preview = (key: Record<string, string>, count = 100) =>
  service.call<{ occurrences: string[]; code?: string }>('POST', '/triggers/preview', { trigger: rare, count }, key);
const flood = (requests: number, count?: number) => Array.from({ length: requests }, () => preview(ALICE, count));

describe('previews', () => {
  it('by the hundreds do not block other requests, and each gets its preview or a 429', async () => {
    let healthy = 0;
    const over = new AbortController();
    const last = Promise.all(flood(1_300)).finally(() => over.abort());
    // Others have their turns all the time, and not only before and after the flood.
    while (!over.signal.aborted) {
      expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
      healthy += 1;
      await delay(1);
    }
    const statuses = Map.groupBy(await last, ({ status }) => status);
    expect([...statuses.keys()].filter((status) => ![200, 429].includes(status))).toEqual([]);
    for (const { body } of statuses.get(200) ?? []) expect(body.occurrences).toHaveLength(100);
    for (const { body, headers } of statuses.get(429)!)
      expect({ code: body.code, after: headers.get('Retry-After') }).toEqual({ code: 'TOO_MANY_WAITING', after: '5' });
    expect(healthy).toBeGreaterThan(20);
    expect((await preview(ALICE)).status).toBe(200);
  });

  it('of another key get their turn while one key floods the queue', async () => {
    let done = 0;
    const flooding = flood(120, 400).map((answer) => answer.finally(() => (done += 1)));
    await eventually(() => expect(waiting()).toBe(50));
    const [first, second] = await Promise.all([preview(BOB), preview(BOB)]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(done).toBeLessThan(120);
    await Promise.all(flooding);
  });

  it('of clients that hang up free their places', async () => {
    const gone = new AbortController();
    const body = JSON.stringify({ trigger: rare, count: 1_000 });
    const headers = { ...ALICE, 'Content-Type': 'application/json' };
    const sent = Array.from({ length: 40 }, () =>
      fetch(`${service.url}/api/v1/triggers/preview`, { method: 'POST', body, headers, signal: gone.signal }),
    );
    const results = Promise.allSettled(sent);
    await eventually(() => expect(waiting()).toBeGreaterThan(20));
    gone.abort();
    await results;
    await eventually(() => expect(waiting()).toBe(0));
    expect((await preview(ALICE)).status).toBe(200);
  });

  it('get a 503 when their thread dies, and the next one starts a new thread', async () => {
    const running = preview(ALICE, 1_000);
    await eventually(() => expect(queue()['running']).toBe(1), { every: 1 });
    await service.app.get(Compute)['thread'].stop();
    const { status, body, headers } = await running;
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'COMPUTATION_FAILED' });
    expect(headers.get('Retry-After')).toBe('5');
    expect((await preview(ALICE)).status).toBe(200);
  });

  it('that arrive while the thread ends for its idleness get a new thread', async () => {
    const compute = service.app.get(Compute);
    const input = { body: { trigger: rare }, now: new Date(), timeZone: 'UTC' };
    const caller = { key: 'alice', signal: new AbortController().signal };
    await compute.preview(caller, input);
    const ended = compute['thread'].stop();
    expect(await compute.preview(caller, input)).toMatchObject({ occurrences: { length: 5 } });
    await ended;
  });
});

describe('reads', () => {
  it('wait for their turn with each method and spelling of the path, and one key leaves a place to others', async () => {
    const client = new Client({ connectionString: service.database });
    client.on('error', () => {});
    await client.connect();
    await client.query('BEGIN; LOCK TABLE jobs');
    const read = (method: string, path: string, headers: Record<string, string>) =>
      fetch(service.url + path, { method, headers });
    const reads = [
      read('GET', '/api/v1/jobs', ALICE),
      read('HEAD', '/api/v1/jobs', ALICE),
      read('GET', '/API/v1/Jobs/', ALICE),
      read('HEAD', '/api/V1/jobs?limit=50', ALICE),
    ];
    const { reads: turns } = service.app.get<{ reads: Record<string, number> }>(ReadsInTurn);
    await eventually(() => expect([turns['running'], turns['waiting']]).toEqual([2, 2]));
    expect((await read('HEAD', '/api/v1/runs', BOB)).status).toBe(200);
    await client.query('ROLLBACK');
    await client.end();
    expect((await Promise.all(reads)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('of large pages do not keep other reads waiting', async () => {
    const client = new Client({ connectionString: service.database });
    client.on('error', () => {});
    await client.connect();
    await client.query('BEGIN; LOCK TABLE jobs');
    const read = (path: string, headers: Record<string, string>) => fetch(service.url + path, { headers });
    const pages = [ALICE, ALICE, BOB, BOB].map((key) => read('/api/v1/jobs?limit=500', key));
    const { largePages } = service.app.get<{ largePages: Record<string, number> }>(ReadsInTurn);
    await eventually(() => expect([largePages['running'], largePages['waiting']]).toEqual([2, 2]));
    expect((await read('/api/v1/runs', BOB)).status).toBe(200);
    await client.query('ROLLBACK');
    await client.end();
    expect((await Promise.all(pages)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });
});

const queue = () => service.app.get(Compute)['queue'];
const waiting = () => queue()['waiting'];

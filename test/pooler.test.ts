import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ask } from './support/ask.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { hasPooler, TestPooler } from './support/pooler.js';
import { type Page, type RunAnswer, spentJob, TestService } from './support/service.js';

const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');

/** `node dist/main.js migrate`: all of a start that comes before the application, and then the end. */
async function start(variables: Record<string, string>): Promise<{ code: number | null; told: string }> {
  const { PATH, HOME } = process.env;
  const options = { cwd: process.env['TEST_SCRATCH']!, env: { PATH, HOME, ...variables }, timeout: 60_000 };
  const child = spawn(process.execPath, [MAIN, 'migrate'], { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, told };
}

// A machine of a developer's may lack PgBouncer; one that checks changes must not.
const describeWithPooler = hasPooler() || process.env['CI'] ? describe : describe.skip;

describeWithPooler('a start through PgBouncer', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  async function withPooler<T>(settings: Record<string, string>, work: (url: string) => Promise<T>): Promise<T> {
    const pooler = await TestPooler.before(database.url, settings);
    try {
      return await work(pooler.url);
    } finally {
      await pooler.stop();
    }
  }

  it.each([
    ['the last session first', 3, {}],
    ['two sessions in turn', 2, { server_round_robin: '1' }],
    ['five sessions in turn', 5, { server_round_robin: '1' }],
    ['the only session it has', 1, { default_pool_size: '1' }],
  ])('that lends out %s by transaction is refused, and says what to set', async (_case, sessions, settings) => {
    await withPooler({ pool_mode: 'transaction', ...settings }, async (url) => {
      await Promise.all(Array.from({ length: sessions }, () => ask(url, 'SELECT pg_sleep(0.5)')));
      const { code, told } = await start({ DATABASE_URL: url });
      expect(told).toMatch(/^DATABASE_POOLED: DATABASE_URL leads through a pooler.*Set DATABASE_DIRECT_URL/);
      expect(code).toBe(1);
    });
  });

  it('by transaction is refused where it is the direct way', async () => {
    await withPooler({ pool_mode: 'transaction' }, async (url) => {
      const { code, told } = await start({ DATABASE_URL: database.url, DATABASE_DIRECT_URL: url });
      expect(told).toMatch(/^DATABASE_POOLED: DATABASE_DIRECT_URL leads through a pooler/);
      expect(code).toBe(1);
    });
  });

  it('by transaction is taken beside a direct way, and leaves no lock behind', async () => {
    await withPooler({ pool_mode: 'transaction' }, async (url) => {
      expect(await start({ DATABASE_URL: url, DATABASE_DIRECT_URL: database.url })).toEqual({ code: 0, told: '' });
      const locks = `SELECT FROM pg_locks JOIN pg_database ON oid = database WHERE locktype = 'advisory' AND datname = current_database()`;
      expect(await ask(database.url, locks)).toEqual([]);
    });
  });

  it('by session is taken', async () => {
    await withPooler({ pool_mode: 'session' }, async (url) => {
      expect(await start({ DATABASE_URL: url })).toEqual({ code: 0, told: '' });
    });
  });

  it('names the variable that leads nowhere', async () => {
    const { code, told } = await start({ DATABASE_URL: database.url, DATABASE_DIRECT_URL: 'postgres://127.0.0.1:1/x' });
    expect(told).toMatch(/^DATABASE_UNAVAILABLE: DATABASE_DIRECT_URL leads to 127\.0\.0\.1:1/);
    expect(code).toBe(1);
  });
});

describeWithPooler('the service through PgBouncer by transaction', () => {
  let pooler: TestPooler;
  let service: TestService;
  beforeAll(async () => {
    service = await TestService.start({}, async (url) => {
      // Fewer sessions than the service has connections.
      pooler = await TestPooler.before(url, { pool_mode: 'transaction', default_pool_size: '8' });
      return pooler.url;
    });
    await ask(service.database, 'CREATE TABLE public.ledger (entry text)');
  });
  afterAll(async () => {
    await service.stop();
    await pooler.stop();
  });

  it('dispatches what falls due, and runs it', async () => {
    const at = new Date(Date.now() + 500);
    const due = { trigger: { type: 'date', at: at.toISOString() } as const, nextOccurrenceAt: at, nextRunAt: at };
    await service.given(spentJob('due', 'echo', { input: { text: 'x' }, ...due, updatedAt: new Date() }));
    await eventually(async () => {
      const { items } = await service.get<Page<RunAnswer>>('/runs?job=due');
      expect(items).toMatchObject([{ kind: 'schedule', state: 'succeeded' }]);
    });
  });

  it('commits what a transactional task writes with its end, many at once', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `book-${index}`);
    await service.given(...names.map((name) => spentJob(name, 'ledger', { input: { entry: name } })));
    await Promise.all(names.map((name) => service.run(name, 'succeeded')));
    const entries = await ask(service.database, 'SELECT entry FROM public.ledger ORDER BY entry COLLATE "C"');
    expect(entries.map(({ entry }) => entry)).toEqual(names.toSorted());
  });

  it('cancels a statement that runs', async () => {
    await service.given(spentJob('sleeper', 'sql', { input: { statement: 'SELECT pg_sleep(60)', values: [] } }));
    const sleeping = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
    const { id } = await service.run('sleeper', 'running');
    await eventually(async () => expect(await ask(service.database, sleeping)).toHaveLength(1));
    await service.call('POST', `/runs/${id}/cancel`);
    await service.reaches(id, 'cancelled');
    await eventually(async () => expect(await ask(service.database, sleeping)).toEqual([]));
  });
});

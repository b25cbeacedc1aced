import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { hasPooler, TestPooler } from './support/pooler.js';
import { type Page, type RunAnswer, finishedJob, TestService } from './support/service.js';

const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');

/** Runs `node dist/main.js migrate`, which makes the same checks as a start of the service. */
async function start(variables: Record<string, string>): Promise<{ code: number | null; stderr: string }> {
  const { PATH, HOME, NODE_OPTIONS } = process.env;
  const options = {
    cwd: process.env['TEST_SCRATCH']!,
    env: { PATH, HOME, NODE_OPTIONS, ...variables },
    timeout: 60_000,
  };
  const child = spawn(process.execPath, [MAIN, 'migrate'], { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

// A developer's machine may lack PgBouncer. CI must not.
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
  ])('with %s in transaction mode is refused, and says what to set', async (_case, sessions, settings) => {
    await withPooler({ pool_mode: 'transaction', ...settings }, async (url) => {
      await Promise.all(Array.from({ length: sessions }, () => runSql(url, 'SELECT pg_sleep(0.5)')));
      const { code, stderr } = await start({ DATABASE_URL: url });
      expect(stderr).toMatch(/^DATABASE_POOLED: DATABASE_URL .*DATABASE_DIRECT_URL/);
      expect(code).toBe(1);
    });
  });

  it('in transaction mode is refused as the direct URL', async () => {
    await withPooler({ pool_mode: 'transaction' }, async (url) => {
      const { code, stderr } = await start({ DATABASE_URL: database.url, DATABASE_DIRECT_URL: url });
      expect(stderr).toMatch(/^DATABASE_POOLED: DATABASE_DIRECT_URL /);
      expect(code).toBe(1);
    });
  });

  it('in transaction mode is accepted with a direct URL, and leaves no lock behind', async () => {
    await withPooler({ pool_mode: 'transaction' }, async (url) => {
      expect(await start({ DATABASE_URL: url, DATABASE_DIRECT_URL: database.url })).toEqual({ code: 0, stderr: '' });
      const locks = `SELECT FROM pg_locks JOIN pg_database ON oid = database WHERE locktype = 'advisory' AND datname = current_database()`;
      expect(await runSql(database.url, locks)).toEqual([]);
    });
  });

  it('in session mode is accepted', async () => {
    await withPooler({ pool_mode: 'session' }, async (url) => {
      expect(await start({ DATABASE_URL: url })).toEqual({ code: 0, stderr: '' });
    });
  });

  it('names the variable whose database cannot be reached', async () => {
    const { code, stderr } = await start({
      DATABASE_URL: database.url,
      DATABASE_DIRECT_URL: 'postgres://127.0.0.1:1/x',
    });
    expect(stderr).toMatch(/^DATABASE_UNAVAILABLE: .*DATABASE_DIRECT_URL .*127\.0\.0\.1:1/);
    expect(code).toBe(1);
  });
});

describeWithPooler('the service through PgBouncer in transaction mode', () => {
  let pooler: TestPooler;
  let service: TestService;
  beforeAll(async () => {
    service = await TestService.start({}, async (url) => {
      // Fewer sessions than the service has connections.
      pooler = await TestPooler.before(url, { pool_mode: 'transaction', default_pool_size: '8' });
      return pooler.url;
    });
    await runSql(service.database, 'CREATE TABLE public.ledger (entry text)');
  });
  afterAll(async () => {
    await service.stop();
    await pooler.stop();
  });

  it('dispatches and runs what falls due', async () => {
    const at = new Date(Date.now() + 500);
    const due = { trigger: { type: 'date', at: at.toISOString() } as const, nextOccurrenceAt: at, nextRunAt: at };
    await service.given(finishedJob('due', 'echo', { input: { text: 'x' }, ...due, updatedAt: new Date() }));
    await eventually(async () => {
      const { items } = await service.get<Page<RunAnswer>>('/runs?job=due');
      expect(items).toMatchObject([{ kind: 'schedule', state: 'succeeded' }]);
    });
  });

  it('commits the writes of transactional tasks with their ends, many at once', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `book-${index}`);
    await service.given(...names.map((name) => finishedJob(name, 'ledger', { input: { entry: name } })));
    await Promise.all(names.map((name) => service.run(name, 'succeeded')));
    const entries = await runSql(service.database, 'SELECT entry FROM public.ledger ORDER BY entry COLLATE "C"');
    expect(entries.map(({ entry }) => entry)).toEqual(names.toSorted());
  });

  it('cancels a running statement', async () => {
    await service.given(finishedJob('sleeper', 'sql', { input: { statement: 'SELECT pg_sleep(60)', values: [] } }));
    const sleeping = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
    const { id } = await service.run('sleeper', 'running');
    await eventually(async () => expect(await runSql(service.database, sleeping)).toHaveLength(1));
    await service.call('POST', `/runs/${id}/cancel`);
    await service.reaches(id, 'cancelled');
    await eventually(async () => expect(await runSql(service.database, sleeping)).toEqual([]));
  });
});

describeWithPooler('a transactional task through PgBouncer, which uses its sessions in turn', () => {
  let pooler: TestPooler;
  let service: TestService;
  beforeAll(async () => {
    service = await TestService.start({}, async (url) => {
      const settings = { pool_mode: 'transaction', default_pool_size: '8', server_round_robin: '1' };
      pooler = await TestPooler.before(url, settings);
      return pooler.url;
    });
  });
  afterAll(async () => {
    await service.stop();
    await pooler.stop();
  });

  it('leaves no default for transactions to the next user of a session', async () => {
    const statement = `SELECT set_config('default_transaction_read_only', 'on', false)`;
    await service.given(finishedJob('default', 'sql', { input: { statement, values: [] } }));
    await service.run('default', 'succeeded');
    const show = `SELECT current_setting('default_transaction_read_only') AS value FROM pg_sleep(0.2)`;
    const seen = await Promise.all(Array.from({ length: 8 }, () => runSql(pooler.url, show)));
    expect(seen.flat()).toEqual(seen.map(() => ({ value: 'off' })));
  });
});

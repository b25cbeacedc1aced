import { Client } from 'pg';
import { isUnavailable } from '../src/database/unavailable.js';
import { runSql } from './support/run-sql.js';
import { eventually } from './support/eventually.js';
import { type RunAnswer, finishedJob, TestService } from './support/service.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start({ TRANSACTIONAL_POOL_MAX: '2' });
  await runSql(service.database, 'CREATE TABLE public.ledger (entry text UNIQUE DEFERRABLE INITIALLY DEFERRED)');
  await service.given(
    finishedJob('ledger', 'ledger', { overlap: 'allow', input: { entry: '-' } }),
    finishedJob('sql', 'sql', { overlap: 'allow', input: { statement: 'SELECT 1' } }),
  );
});

afterAll(() => service.stop());

const entries = async (like: string) =>
  (await runSql(service.database, `SELECT entry FROM public.ledger WHERE entry LIKE '${like}' ORDER BY 1`)).map(
    ({ entry }) => entry,
  );
const sql = (statement: string, state: string) => service.run('sql', state, { statement });

const insert = (entry: string) => `INSERT INTO public.ledger VALUES ('${entry}')`;

describe('a transactional task', () => {
  it('commits what it wrote together with succeeded', async () => {
    await service.run('ledger', 'succeeded', { entry: 'kept' });
    expect(await entries('kept')).toEqual(['kept']);
    await sql(`INSERT INTO public.ledger VALUES ('kept by sql')`, 'succeeded');
    expect(await entries('kept by sql')).toEqual(['kept by sql']);
  });

  it('writes nothing when the attempt throws', async () => {
    await service.run('ledger', 'failed', { entry: 'thrown', ending: 'throw' });
    expect(await entries('thrown')).toEqual([]);
  });

  it('fails when it has ended the transaction itself', async () => {
    const { error } = await service.run('ledger', 'failed', { entry: 'smuggled', ending: 'commit' });
    expect(error).toMatchObject({ code: 'TRANSACTION_ENDED' });
  });

  it.each([
    ['the task', (entry: string) => service.run('ledger', 'failed', { entry, ending: 'read-only' })],
    ['a block', (entry: string) => sql(`DO $$ BEGIN ${insert(entry)}; SET TRANSACTION READ ONLY; END $$`, 'failed')],
    [
      'a function',
      (entry: string) => sql(`${insert(entry)} RETURNING set_config('transaction_read_only', 'on', true)`, 'failed'),
    ],
  ])('fails and writes nothing when its transaction was made read-only by %s', async (by, run) => {
    const { error } = await run(`read-only by ${by}`);
    expect(error).toMatchObject({ code: 'TRANSACTION_READ_ONLY', message: expect.stringContaining('READ ONLY') });
    expect(isUnavailable(Object.assign(new Error(), error))).toBe(false);
    expect(await entries('read-only by %')).toEqual([]);
  });

  it('leaves no default for transactions to the next attempt', async () => {
    const defaults = `SELECT set_config(name, value, false) FROM (VALUES ('default_transaction_read_only', 'on'),
      ('default_transaction_isolation', 'serializable'), ('default_transaction_deferrable', 'on')) AS _ (name, value)`;
    await Promise.all([sql(defaults, 'succeeded'), sql(defaults, 'succeeded')]);
    const kept = `SELECT name FROM pg_settings WHERE name LIKE 'default_transaction_%' AND setting <> boot_val`;
    const seen = await Promise.all([sql(kept, 'succeeded'), sql(kept, 'succeeded')]);
    expect(seen.map(({ output }) => output)).toEqual([1, 2].map(() => ({ rowCount: 0, rows: [] })));
  });

  it('fails and writes nothing when the commit is refused', async () => {
    await sql(`INSERT INTO public.ledger VALUES ('twice'), ('twice')`, 'failed');
    expect(await entries('twice')).toEqual([]);
  });

  it('writes nothing when the attempt is stale', async () => {
    const gate = new Client({ connectionString: service.database });
    await gate.connect();
    try {
      await gate.query('SELECT pg_advisory_lock(4711)');
      const { body } = await service.call<RunAnswer>('POST', '/jobs/ledger/run', {
        input: { entry: 'stale', ending: 'wait' },
      });
      await service.reaches(body.id, 'running');
      await runSql(service.database, `UPDATE cronzimus.runs SET attempt = attempt + 1 WHERE id = '${body.id}'`);
      await gate.query('SELECT pg_advisory_unlock(4711)');
      await eventually(async () => {
        const waiting = await runSql(
          service.database,
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()
             AND application_name = 'cronzimus tasks'`,
        );
        expect(waiting).toEqual([]);
      });
      expect(await entries('stale')).toEqual([]);
      expect(await service.get(`/runs/${body.id}`)).toMatchObject({ state: 'running', attempt: 2 });
    } finally {
      await gate.end();
    }
  });

  it('is cancelled during a statement', async () => {
    const { body } = await service.call<RunAnswer>('POST', '/jobs/sql/run', {
      input: { statement: `INSERT INTO public.ledger SELECT 'slept' FROM pg_sleep(60)` },
    });
    await service.reaches(body.id, 'running');
    await service.call('POST', `/runs/${body.id}/cancel`);
    await service.reaches(body.id, 'cancelled');
    expect(await entries('slept')).toEqual([]);
  });

  it('leaves no state in the session for the next attempt', async () => {
    const path = async () => (await sql('SHOW search_path', 'succeeded'))['output'];
    const before = await path();
    await sql(`SET search_path TO 'pg_catalog'`, 'succeeded');
    await sql('CREATE TEMPORARY TABLE ledger (other int)', 'succeeded');
    await sql('SELECT pg_advisory_lock(42)', 'succeeded');
    expect([await path(), await path()]).toEqual([before, before]);
    expect(await runSql(service.database, `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42`)).toEqual(
      [],
    );
  });

  it('never waits for a connection: 40 runs on two connections all succeed', async () => {
    const started = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        service.call<RunAnswer>('POST', '/jobs/ledger/run', { input: { entry: `many ${index}` } }),
      ),
    );
    await Promise.all(started.map(({ body }) => service.reaches(body.id, 'succeeded')));
    expect(await entries('many %')).toHaveLength(40);
  });
});

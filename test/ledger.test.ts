import { jest } from '@jest/globals';
import { v7 } from 'uuid';
import { CheckLedger } from '../src/insight/check-ledger.task.js';
import { SchedulerDatabase } from '../src/database/scheduler-database.js';
import { LEDGER_START, LedgerCheck } from '../src/insight/ledger-check.js';
import { readLedgerJobs } from '../src/insight/read-ledger.js';
import type { LoggedLine } from '../src/testing/test-context.js';
import { NO_COUNTS } from '../src/compute/ledger.js';
import { eventually } from './support/eventually.js';
import { jobRow } from './support/jobs.js';
import { runContext } from './support/run-context.js';
import { runSql } from './support/run-sql.js';
import { scrape } from './support/scrape.js';
import { type Page, TestService } from './support/service.js';

const HOUR = 3_600_000;
const MINUTE = 60_000;
let service: TestService;
/** Two hours before now, at a full ten seconds. */
let past: number;
beforeAll(async () => {
  service = await TestService.start();
  past = Math.floor(Date.now() / 10_000) * 10_000 - 2 * HOUR;
});
afterAll(() => service.stop());

interface Check {
  [count: string]: unknown;
  complete: boolean;
  nextCursor: string | null;
  findings: { job: string; at: string; what: string }[];
}
interface Item {
  at: string;
  disposition: string;
  version: number | null;
  runs: { id: string; state: string }[];
}
const iso = (ms: number) => new Date(ms).toISOString();
const sql = <T extends object>(text: string, values: unknown[] = []) => runSql<T>(service.database, text, values);
const call = (method: string, path: string, body?: object) => service.call(method, path, body);
const check = (from: number, to: number, more = '') =>
  service.get<Check>(`/ledger/check?from=${iso(from)}&to=${iso(to)}${more}`);
const ledger = (name: string, from: number, to: number, more = '') =>
  service.get<Page<Item>>(`/jobs/${name}/ledger?from=${iso(from)}&to=${iso(to)}${more}`);
const tenSecondly = {
  task: 'echo',
  input: { text: 'hi' },
  trigger: { type: 'interval', everySeconds: 10, anchor: '2026-01-01T00:00:00.000Z' },
  overlap: 'allow',
  misfire: { policy: 'all', graceSeconds: 60, maxCatchUp: 20 },
};

/** A job whose dispatching was away since two hours ago: it now has a row for each instant, made by the service itself. */
async function givenBacklog(name: string, body: object = tenSecondly): Promise<void> {
  await call('PUT', `/jobs/${name}`, { ...body, paused: true });
  await sql('UPDATE cronzimus.job_versions SET valid_from = $2 WHERE job = $1', [name, new Date(past - 1)]);
  await sql('DELETE FROM cronzimus.job_pauses WHERE job = $1', [name]);
  await sql(
    'UPDATE cronzimus.jobs SET paused = false, declared_paused = false, next_occurrence_at = $2, next_run_at = $2 WHERE name = $1',
    [name, new Date(past)],
  );
  await eventually(async () => {
    const [due] = await sql('SELECT FROM cronzimus.jobs WHERE name = $1 AND next_run_at > now()', [name]);
    expect(due).toBeDefined();
  });
}
/** Removes a job with all that is known of it, so that it does not count for the next test. */
async function forget(name: string): Promise<void> {
  await call('DELETE', `/jobs/${name}`);
  for (const table of ['job_versions', 'runs']) await sql(`DELETE FROM cronzimus.${table} WHERE job = $1`, [name]);
}
const noGap = { unexplained: 0, doubled: 0, notProvable: 0, findings: [], complete: true };

describe('the ledger', () => {
  afterEach(() => forget('backlog'));

  it('has no gap after an outage, and counts each instant once', async () => {
    await givenBacklog('backlog');
    const to = past + 2 * HOUR - 2 * MINUTE;
    const found = await check(past, to);
    const expected = (to - past) / 10_000 + 1;
    expect(found).toMatchObject({ ...noGap, expected, skipped: 0, waiting: 0 });
    expect((found['ran'] as number) + (found['missed'] as number)).toBe(expected);
    expect(found['missed']).toBeGreaterThan(600);
    expect((await ledger('backlog', past, past + MINUTE)).items).toMatchObject(
      Array.from({ length: 7 }, (_each, n) => ({
        at: iso(past + n * 10_000),
        disposition: 'missed',
        version: 1,
        runs: [{ state: 'missed' }],
      })),
    );
  });

  it('covers edits, pauses and a deletion', async () => {
    await givenBacklog('backlog');
    const edited = async (everySeconds: number) => {
      await call('PATCH', '/jobs/backlog', { trigger: { everySeconds } });
      await eventually(async () => {
        const ofThisVersion = await sql(
          `SELECT FROM cronzimus.runs WHERE job = 'backlog' AND scheduled_at > (
             SELECT valid_from FROM cronzimus.job_versions WHERE job = 'backlog' AND valid_to IS NULL)`,
        );
        expect(ofThisVersion).not.toEqual([]);
      });
    };
    await edited(0.2);
    await call('POST', '/jobs/backlog/pause');
    await call('POST', '/jobs/backlog/resume');
    await edited(0.3);
    await call('DELETE', '/jobs/backlog');
    const found = await check(past, Date.now());
    expect(found).toMatchObject({ unexplained: 0, doubled: 0, notProvable: 0 });
    const { items } = await ledger('backlog', Date.now() - 10_000, Date.now(), '&limit=500');
    expect([...new Set(items.map(({ version }) => version))]).toEqual(expect.arrayContaining([2, 3]));
    expect(items.filter(({ disposition }) => disposition === 'not_asked_for')).toEqual([]);
  });

  it('comes in pages', async () => {
    await givenBacklog('backlog');
    const all = await service.allPages<Item>(
      `/jobs/backlog/ledger?from=${iso(past)}&to=${iso(past + 10 * MINUTE)}&limit=7`,
    );
    expect(all.map(({ at }) => at)).toEqual(Array.from({ length: 61 }, (_each, n) => iso(past + n * 10_000)));
  });

  it.each<[string, () => Promise<unknown>, object]>([
    [
      'a row that is deleted',
      () => sql(`DELETE FROM cronzimus.runs WHERE id IN (${aRun})`),
      { unexplained: 1, findings: [{ job: 'backlog', what: 'no_row' }] },
    ],
    [
      'a row that is moved',
      () => sql(`UPDATE cronzimus.runs SET scheduled_at = scheduled_at + interval '3 s' WHERE id IN (${aRun})`),
      { unexplained: 2, findings: [{ what: 'no_row' }, { what: 'not_asked_for' }] },
    ],
    [
      'a second row for an instant of a range',
      () =>
        sql(
          `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, scheduled_at, due_at, queued_at, priority,
             timeout_seconds, retry, on_interruption, input)
           SELECT $1, job_id, job, task, kind, 'succeeded', scheduled_at + interval '20 s', due_at, queued_at, priority,
             timeout_seconds, retry, on_interruption, input
           FROM cronzimus.runs WHERE job = 'backlog' AND missed_to IS NOT NULL LIMIT 1`,
          [v7()],
        ),
      { doubled: 1, findings: [{ what: 'doubled' }] },
    ],
    [
      'a range with a wrong count',
      () =>
        sql(
          `UPDATE cronzimus.runs SET missed_count = missed_count - 1 WHERE job = 'backlog' AND missed_to IS NOT NULL`,
        ),
      { unexplained: 1, findings: [{ what: 'wrong_range' }] },
    ],
  ])('finds %s', async (_case, broken, expected) => {
    await givenBacklog('backlog');
    await broken();
    const { findings, ...found } = await check(past, past + 2 * HOUR - 2 * MINUTE);
    const ordered = { ...found, findings: findings.toSorted((one, other) => one.at.localeCompare(other.at)) };
    expect(ordered).toMatchObject(expected);
  });

  it('says from when on the history is kept, and leaves out what was pruned', async () => {
    await givenBacklog('backlog');
    const until = new Date(past + HOUR);
    await sql('UPDATE cronzimus.history_bounds SET pruned_until = $1', [until]);
    await sql(`DELETE FROM cronzimus.runs WHERE job = 'backlog' AND scheduled_at < $1 AND missed_to IS NULL`, [until]);
    const found = await check(past, past + 2 * HOUR - 2 * MINUTE);
    expect(found).toMatchObject({ from: until.toISOString(), ...noGap });
    await sql('UPDATE cronzimus.history_bounds SET pruned_until = NULL');
  });
});

it('names what the database has lost, and not as unexplained', async () => {
  await givenBacklog('backlog');
  const [gone] = await sql<{ at: Date }>(
    `DELETE FROM cronzimus.runs WHERE id IN (${aRun}) RETURNING scheduled_at AS at`,
  );
  await sql(
    `INSERT INTO cronzimus.data_losses (noticed_at, from_at, until_at, runs_missing, attempts_undone, replica)
     VALUES (now(), $1, $1, 1, 0, 'one')`,
    [gone!.at],
  );
  const at = gone!.at.toISOString();
  const found = await check(past, past + 2 * HOUR - 2 * MINUTE);
  expect(found).toMatchObject({ lost: 1, unexplained: 0, findings: [{ job: 'backlog', at, what: 'lost' }] });
  const { items } = await ledger('backlog', gone!.at.getTime(), gone!.at.getTime());
  expect(items).toMatchObject([{ at, disposition: 'lost', runs: [] }]);
  await sql('DELETE FROM cronzimus.data_losses');
  await forget('backlog');
});

const aRun = `SELECT id FROM cronzimus.runs WHERE job = 'backlog' AND kind = 'catch_up' ORDER BY id LIMIT 1`;

it('reads until when a job is paused', async () => {
  await call('PUT', '/jobs/backlog', { ...tenSecondly, paused: true });
  const until = Date.now() + HOUR;
  await sql(`UPDATE cronzimus.jobs SET paused_until = $1 WHERE name = 'backlog'`, [new Date(until)]);
  const range = { from: past, to: Date.now() };
  const { jobs } = await service.app
    .get(SchedulerDatabase, { strict: false })
    .transaction((tx) => readLedgerJobs(tx, { name: 'backlog' }, range, range));
  expect(JSON.parse(jobs)).toMatchObject([{ now: { paused: true, pausedUntil: until } }]);
  await forget('backlog');
});

describe('a check', () => {
  it('goes on where it ended, at any job and at any instant of one', async () => {
    await givenBacklog('part.one');
    await givenBacklog('part.two');
    const checks = service.app.get(LedgerCheck, { strict: false });
    const caller = { key: 'test', signal: new AbortController().signal };
    const range = { from: past, to: past + 2 * HOUR - 2 * MINUTE };
    const whole = await checks.check(caller, range, LEDGER_START, { ms: 60_000, instants: 1_000_000 });
    expect(whole).toMatchObject({ next: null, unexplained: 0 });
    const parts = { expected: 0, ran: 0, missed: 0, jobs: 0 };
    let count = 0;
    for (let next: typeof whole.next = LEDGER_START; next; count += 1) {
      const part = await checks.check(caller, range, next, { ms: 60_000, instants: 1 });
      for (const key of Object.keys(parts) as (keyof typeof parts)[]) parts[key] += part[key];
      ({ next } = part);
    }
    expect(parts).toEqual({ expected: whole.expected, ran: whole.ran, missed: whole.missed, jobs: whole.jobs });
    expect(count).toBeGreaterThan(0);
    await Promise.all([forget('part.one'), forget('part.two')]);
  });

  it('covers a job with more instants than are compared at once', async () => {
    await givenBacklog('dense', {
      ...tenSecondly,
      trigger: { ...tenSecondly.trigger, everySeconds: 0.1 },
      misfire: { policy: 'skip' },
      paused: true,
    });
    // 36,000 instants an hour, all but the last of them in one row.
    await sql(`UPDATE cronzimus.job_versions SET valid_from = valid_from - interval '4 hours' WHERE job = 'dense'`);
    await sql(
      `UPDATE cronzimus.runs SET scheduled_at = scheduled_at - interval '4 hours' + interval '100 ms', missed_count = NULL
       WHERE job = 'dense' AND missed_to IS NOT NULL`,
    );
    const from = past - 4 * HOUR + 100;
    const found = await check(from, past + HOUR);
    expect(found).toMatchObject({ ...noGap, missed: found['expected'] });
    expect(found['expected']).toBe((past + HOUR - from) / 100 + 1);
    await forget('dense');
  });

  it.each([
    ['from after to', `from=2026-06-02T00:00:00Z&to=2026-06-01T00:00:00Z`, 'INVALID_PARAMETER'],
    ['more than 31 days', `from=2026-01-01T00:00:00Z&to=2026-06-01T00:00:00Z`, 'INVALID_PARAMETER'],
    ['a time without a zone', `from=2026-06-01T00:00:00`, 'INVALID_PARAMETER'],
    ['a cursor of another list', 'cursor=WyJ4Il0', 'INVALID_CURSOR'],
  ])('refuses %s', async (_case, query, code) => {
    expect(await call('GET', `/ledger/check?${query}`)).toMatchObject({ status: 400, body: { code } });
  });

  it('by default covers the last hour', async () => {
    const found = await service.get<{ from: string; to: string }>('/ledger/check');
    expect(Date.parse(found.to) - Date.parse(found.from)).toBe(HOUR);
  });

  it('of a job that never was is 404', async () => {
    expect(await call('GET', '/jobs/nobody/ledger')).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
  });
});

describe('ledger.check', () => {
  it('covers all hours since the last check, and its findings are in metrics', async () => {
    await givenBacklog('backlog');
    await sql(`DELETE FROM cronzimus.runs WHERE job = 'backlog' AND missed_to IS NOT NULL`);
    const lines: LoggedLine[] = [];
    const output = await service.app.get(CheckLedger, { strict: false }).run({}, runContext({}, lines));
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'the ledger has gaps or doubled occurrences' }),
    );
    const hour = Math.floor(Date.now() / HOUR) * HOUR;
    expect(output).toMatchObject({ from: iso(hour - HOUR), to: iso(hour - 1), unexplained: expect.any(Number) });
    expect(output.unexplained).toBeGreaterThan(0);
    expect(output.findings[0]).toMatchObject({ job: 'backlog', what: 'no_row' });
    await forget('backlog');
  });

  it('begins where the last check ended, but at most a day before', async () => {
    await call('POST', '/jobs/ledger.check/run');
    await eventually(async () => {
      const { items } = await service.get<Page<{ state: string }>>('/runs?job=ledger.check');
      expect(items[0]).toMatchObject({ state: 'succeeded' });
    });
    const hour = Math.floor(Date.now() / HOUR) * HOUR;
    for (const [hours, expected] of [
      [3, 3],
      [100, 24],
    ] as const) {
      await sql(
        `UPDATE cronzimus.runs SET output = output || jsonb_build_object('to', $1::text) WHERE job = 'ledger.check'`,
        [iso(hour - hours * HOUR - 1)],
      );
      const output = await service.app.get(CheckLedger, { strict: false }).run({}, runContext());
      expect(output).toMatchObject({ from: iso(hour - expected * HOUR), to: iso(hour - 1) });
    }
  });

  it('adds up its parts', async () => {
    const counts = { ...NO_COUNTS, jobs: 2, expected: 3, ran: 1, unexplained: 2, lost: 1, doubled: 1 };
    const part = (next: typeof LEDGER_START | null) => ({
      ...counts,
      from: 0,
      to: 1,
      findings: [{ job: 'one', at: 0, what: 'no_row' as const }],
      next,
    });
    const checked = jest
      .spyOn(service.app.get(LedgerCheck, { strict: false }), 'check')
      .mockResolvedValueOnce(part(LEDGER_START))
      .mockResolvedValueOnce(part(null));
    const output = await service.app.get(CheckLedger, { strict: false }).run({}, runContext());
    checked.mockRestore();
    const sum = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, 2 * count]));
    expect(output).toMatchObject({ ...sum, findings: [{ job: 'one' }, { job: 'one' }] });
  });

  it('first records jobs that an earlier release has written', async () => {
    await service.given(jobRow('unrecorded', { paused: true }));
    await service.app.get(CheckLedger, { strict: false }).run({}, runContext());
    expect(await sql(`SELECT earlier_unknown FROM cronzimus.job_versions WHERE job = 'unrecorded'`)).toEqual([
      { earlier_unknown: true },
    ]);
    await forget('unrecorded');
  });

  it('shows what its last run has found, on each replica', async () => {
    await call('POST', '/jobs/ledger.check/run');
    await eventually(async () => {
      const [run] = (await service.get<Page<{ state: string; id: string }>>('/runs?job=ledger.check')).items;
      expect(run).toMatchObject({ state: 'succeeded' });
    });
    await sql(
      `UPDATE cronzimus.runs SET output = output || '{"unexplained": 3, "doubled": 2}' WHERE job = 'ledger.check'`,
    );
    const series = await scrape(service.url);
    expect(series.get('cronzimus_ledger_unexplained')!.samples).toMatchObject([{ value: 3 }]);
    expect(series.get('cronzimus_ledger_doubled')!.samples).toMatchObject([{ value: 2 }]);
  });
});

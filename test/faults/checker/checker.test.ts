import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { check } from './check.js';
import { EFFECTS } from './facts.js';
import type { Plan } from './plan.js';
import type { Step } from './steps.js';

const MINUTE = 60_000;
const NOON = Date.parse('2026-06-01T12:00:00Z');
const GRACE = 10_000;

/** Due at noon and in each of the four minutes after it. */
const plan = (changes: Partial<Plan> = {}): Plan => ({
  name: 'job',
  grids: [{ everyMs: MINUTE, anchorMs: NOON, fromMs: NOON, untilMs: NOON + 4 * MINUTE }],
  onInterruption: 'rerun',
  overlap: 'allow',
  misfire: { policy: 'once', graceSeconds: GRACE / 1000, maxCatchUp: 2 },
  transactional: false,
  ...changes,
});

let database: TestDatabase;
let session: Client;
const write = (statement: string) => session.query(statement);

beforeAll(async () => {
  database = await createTestDatabase();
  session = new Client({ connectionString: database.url });
  await session.connect();
  await write(EFFECTS);
});
beforeEach(() => write('DELETE FROM cronzimus.runs; DELETE FROM public.effects; DELETE FROM cronzimus.run_queue'));
afterAll(async () => {
  await session.end();
  await database.drop();
});

const sql = (value: string | null) => (value === null ? 'NULL' : `'${value}'`);
const time = (ms: number | null | undefined) =>
  ms === null || ms === undefined ? 'NULL' : `'${new Date(ms).toISOString()}'`;

interface Planted {
  id?: string;
  job?: string;
  kind?: string;
  state?: string;
  reason?: string | null;
  attempt?: number;
  queued?: number;
  started?: number | null;
  finished?: number | null;
  until?: number;
  count?: number;
  held?: boolean;
  input?: object;
  output?: object | null;
}

/** Inserts a row of the history. By default it is correct, apart from its missing effects. Each row has another job id, since the unique
 *  index refuses a second row for an occurrence. */
async function plantRun(minute: number, planted: Planted = {}): Promise<string> {
  const at = NOON + minute * MINUTE;
  const {
    id = randomUUID(),
    job = 'job',
    kind = 'schedule',
    state = 'succeeded',
    reason = null,
    attempt = 1,
  } = planted;
  const { queued = at + 5, started = at + 10, finished = at + 1_000, held = false } = planted;
  const { input = {}, output = null, until, count } = planted;
  await write(`INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, reason, scheduled_at, due_at, queued_at, started_at,
       finished_at, attempt, held, priority, timeout_seconds, retry, on_interruption, input, output, missed_to, missed_count)
     VALUES ('${id}', gen_random_uuid(), '${job}', 'effect', '${kind}', '${state}', ${sql(reason)}, ${time(at)}, ${time(at)},
       ${time(queued)}, ${time(started)}, ${time(finished)}, ${attempt}, ${held}, 0, 300, '{}', 'rerun',
       '${JSON.stringify(input)}', ${output && sql(JSON.stringify(output))}, ${time(until)}, ${count ?? 'NULL'})`);
  return id;
}

interface Traced {
  attempt?: number;
  job?: string;
  begin?: number;
  end?: number | null;
  local?: number;
}

/** The violations if the service has announced a loss in this time. */
const during = (fromMs: number, untilMs: number) =>
  check(database.url, [plan()], [], database.url, { fromMs, untilMs }).then(({ violations }) => violations.join());

/** Inserts the effects of an execution. By default it begins 10 ms after its instant and takes 0.9 s. */
async function plantEffect(run: string, minute: number, traced: Traced = {}): Promise<string> {
  const execution = randomUUID();
  const at = NOON + minute * MINUTE;
  const { attempt = 1, job = 'job', begin = at + 10, end = begin + 900, local = begin } = traced;
  const row = (phase: string, ms: number) =>
    `('${execution}', '${phase}', '${job}', ${time(at)}, '${run}', ${attempt}, 1, ${time(ms)}, ${time(local)})`;
  await write(`INSERT INTO public.effects (execution, phase, job, scheduled_at, run, attempt, pid, at, local)
     VALUES ${[row('start', begin), ...(end === null ? [] : [row('end', end)])].join()}`);
  return execution;
}

/** Inserts a correct occurrence with its effects. */
async function plantGood(minute: number, planted: Planted = {}, traced: Traced = {}): Promise<string> {
  const id = randomUUID();
  const execution = await plantEffect(id, minute, traced);
  const attempt = planted.attempt ?? 1;
  return plantRun(minute, { id, output: { execution, attempt, ...planted.output }, ...without(planted) });
}
const without = ({ output: _output, ...planted }: Planted) => planted;

const plantAttempt = (run: string, number: number) =>
  write(`INSERT INTO cronzimus.run_attempts (run_id, number, state) VALUES ('${run}', ${number}, 'failed')`);

const plantQueueEntry = (run: string) =>
  write(
    `INSERT INTO cronzimus.run_queue (run_id, task, priority, ready_at, exclusive) VALUES ('${run}', 'task', 0, now(), false)`,
  );

const range = (state: string, reason: string, untilMinute: number, count: number): Planted => ({
  state,
  reason,
  until: NOON + untilMinute * MINUTE,
  count,
  started: null,
  attempt: 0,
  queued: NOON + (untilMinute + 1) * MINUTE,
});

/** Inserts all five occurrences correctly, except for those that the case inserts itself. */
async function givenAll(except: number[] = [], planted: Planted = {}): Promise<void> {
  for (const minute of [0, 1, 2, 3, 4]) if (!except.includes(minute)) await plantGood(minute, planted);
}

/** Inserts the run of 12:02 as failed, with these starts. */
async function plantFailed(planted: Planted, starts: Traced[]): Promise<string> {
  const run = await plantRun(2, { state: 'failed', ...planted });
  for (const start of starts) await plantEffect(run, 2, start);
  return run;
}

const edition = (number: number): Partial<Plan> => ({ grids: [{ ...plan().grids[0]!, edition: number }] });

/** A time at which an occurrence is older than its grace. */
const late = (minute: number) => NOON + minute * MINUTE + GRACE + 5_000;

async function sentences(plans: Plan[], steps: Step[] = []): Promise<string[]> {
  return (await check(database.url, plans, steps)).violations.map((sentence) => /× ([^:]+)/.exec(sentence)![1]!);
}

describe('the checker of the fault suite finds nothing wrong with', () => {
  it('occurrences that were run once each', async () => {
    await givenAll();
    const { violations, figures } = await check(database.url, [plan()]);
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({ occurrences: 5, succeeded: 5, lost: 0, doubled: 0, reruns: 0 });
  });

  it('a rerun, and a range of misses with its catch-up', async () => {
    await givenAll([0, 1, 2, 3]);
    const rerun = await plantRun(0, { state: 'failed', attempt: 2 });
    await plantEffect(rerun, 0, { end: null });
    await plantEffect(rerun, 0, { attempt: 2, begin: NOON + 5_000, end: null });
    await plantAttempt(rerun, 1);
    await plantRun(1, { ...range('missed', 'misfire', 2, 2), queued: late(3) });
    await plantGood(3, { kind: 'catch_up', queued: late(3) });
    expect(await sentences([plan()])).toEqual([]);
  });

  it('a skip beside a run that goes on', async () => {
    await givenAll([1, 2]);
    await plantGood(1, { finished: NOON + 2 * MINUTE + 1_000 }, { end: NOON + 2 * MINUTE + 900 });
    await plantRun(2, { state: 'skipped', reason: 'overlap', attempt: 0, started: null });
    expect(await sentences([plan({ overlap: 'skip' })])).toEqual([]);
  });
});

describe('the checker of the fault suite says what is wrong:', () => {
  const broken: [string, () => Promise<unknown>, Partial<Plan>?, Step[]?][] = [
    ['has no disposition', () => givenAll([2])],
    ['has more than one disposition', async () => (await givenAll(), plantGood(2))],
    [
      'has more than one disposition',
      async () => (await givenAll([1]), plantRun(0, range('missed', 'misfire', 1, 2))),
      { misfire: { policy: 'skip', graceSeconds: 10, maxCatchUp: 2 } },
    ],
    ['is no instant of its job', async () => (await givenAll(), plantGood(0.5))],
    ['was never planned', async () => (await givenAll(), plantGood(1, { job: 'other' }, { job: 'other' }))],
    [
      'is a range with a wrong count',
      async () => (await givenAll([0, 1]), plantRun(0, range('missed', 'misfire', 1, 3))),
      { misfire: { policy: 'skip', graceSeconds: 10, maxCatchUp: 2 } },
    ],
    [
      'has the definition of another edition',
      () => givenAll([], { input: { edition: 1 }, output: { edition: 1 } }),
      edition(2),
    ],
    [
      'was run with the input of another edition',
      () => givenAll([], { input: { edition: 2 }, output: { edition: 1 } }),
      edition(2),
    ],

    [
      'was claimed before its instant',
      async () => (await givenAll([2]), plantGood(2, { started: NOON + 2 * MINUTE - 1 })),
    ],
    [
      'was started before its instant',
      async () => (await givenAll([2]), plantGood(2, {}, { begin: NOON + 2 * MINUTE - 1 })),
    ],
    [
      'was started before its instant',
      // Set back by an hour one second after noon: the rest is due an hour later.
      () => givenAll(),
      {},
      [
        { at: 0, aheadMs: 0 },
        { at: NOON + 1_000, aheadMs: -60 * MINUTE },
      ],
    ],
    [
      'was handed to the task as another occurrence',
      async () => {
        await givenAll([2]);
        const run = await plantRun(2, { state: 'failed' });
        await plantEffect(run, 3);
      },
    ],
    [
      'has an effect of an attempt that was never claimed',
      async () => (await givenAll([2]), plantFailed({}, [{}, { attempt: 2 }])),
    ],
    ['has an attempt that was started twice', async () => (await givenAll([2]), plantFailed({}, [{}, {}]))],
    [
      'was claimed again though nothing had ended the attempt before',
      async () => (await givenAll([2]), plantFailed({ attempt: 2 }, [{}, { attempt: 2 }])),
    ],
    [
      'was started again though onInterruption is fail',
      async () => {
        await givenAll([2]);
        await plantAttempt(await plantFailed({ attempt: 2 }, [{}, { attempt: 2 }]), 1);
      },
      { onInterruption: 'fail' },
    ],
    ['is stuck', async () => (await givenAll([2]), plantRun(2, { state: 'running', finished: null }))],
    ['was started though it is final', async () => (await givenAll([2]), plantFailed({ state: 'skipped' }, [{}]))],
    [
      'was settled by a stale attempt',
      async () => {
        await givenAll([2]);
        const run = randomUUID();
        const stale = await plantEffect(run, 2);
        await plantEffect(run, 2, { attempt: 2 });
        await plantRun(2, { id: run, attempt: 2, output: { execution: stale, attempt: 1 } });
        await plantAttempt(run, 1);
      },
    ],
    ['succeeded without the effect of its end', async () => (await givenAll([2]), plantGood(2, {}, { end: null }))],
    [
      'has writes of a transaction that did not succeed',
      async () => (await givenAll([2]), plantFailed({}, [{}])),
      { transactional: true },
    ],
    [
      'has the writes of its transaction more than once',
      async () => {
        await givenAll([2]);
        const run = await plantGood(2, { attempt: 2 }, { attempt: 2 });
        await plantEffect(run, 2);
        await plantAttempt(run, 1);
      },
      { transactional: true },
    ],
    ['is an effect without a run', async () => (await givenAll(), plantEffect(randomUUID(), 2))],

    [
      'is stuck, waits without a queue entry',
      async () => (await givenAll([2]), plantRun(2, { state: 'pending', attempt: 0, started: null })),
    ],
    ['is a queue entry without a waiting run', async () => (await givenAll(), plantQueueEntry(randomUUID()))],

    [
      'ran as usual though it was older than its grace',
      async () => (await givenAll([2]), plantGood(2, { queued: late(2) })),
    ],
    ['was caught up within its grace', async () => (await givenAll([2]), plantGood(2, { kind: 'catch_up' }))],
    [
      'was missed within its grace',
      async () => (
        await givenAll([2]),
        plantRun(2, { ...range('missed', 'misfire', 2, 1), queued: NOON + 2 * MINUTE + 5 })
      ),
      { misfire: { policy: 'skip', graceSeconds: 10, maxCatchUp: 2 } },
    ],
    [
      'was caught up more often than "skip" allows',
      async () => (await givenAll([2]), plantGood(2, { kind: 'catch_up', queued: late(2) })),
      { misfire: { policy: 'skip', graceSeconds: 10, maxCatchUp: 2 } },
    ],
    [
      'was caught up more often than "once" allows',
      async () => {
        await givenAll([1, 2]);
        for (const minute of [1, 2]) await plantGood(minute, { kind: 'catch_up', queued: late(2) });
      },
    ],
    [
      'was missed though "all" would have caught it up',
      async () => (await givenAll([2]), plantRun(2, range('missed', 'misfire', 2, 1))),
      { misfire: { policy: 'all', graceSeconds: 10, maxCatchUp: 2 } },
    ],
    [
      'was caught up in place of a later one',
      async () => {
        await givenAll([1, 2]);
        await plantGood(1, { kind: 'catch_up', queued: late(2) });
        await plantRun(2, { ...range('missed', 'misfire', 2, 1), queued: late(2) });
      },
    ],

    [
      'ran beside another of its job',
      async () => (await givenAll([1]), plantGood(1, {}, { end: NOON + 2 * MINUTE + 500 })),
      { overlap: 'queue' },
    ],
    [
      'ran beside another of its job',
      async () => {
        await givenAll([1, 2]);
        for (const minute of [1, 2])
          await plantGood(
            minute,
            { kind: 'catch_up', queued: late(2) },
            { begin: late(2) + minute, end: late(2) + 900 },
          );
      },
      { misfire: { policy: 'all', graceSeconds: 10, maxCatchUp: 2 } },
    ],
    [
      'was skipped though it had a place',
      async () => (
        await givenAll([2]),
        plantRun(2, { state: 'skipped', reason: 'overlap', attempt: 0, started: null })
      ),
      { overlap: 'skip' },
    ],
    [
      'was skipped though it had a place',
      async () => {
        await givenAll([1, 2]);
        await plantGood(1, { finished: NOON + 2 * MINUTE + 1_000 });
        await plantRun(2, { state: 'skipped', reason: 'overlap', attempt: 0, started: null });
      },
      { overlap: 'queue' },
    ],
    [
      'was replaced by nothing',
      async () => (await givenAll([4]), plantRun(4, { state: 'cancelled', reason: 'replaced' })),
      { overlap: 'replace' },
    ],
  ];

  it('was started again after a loss, unless the run has effects in the announced time', async () => {
    await givenAll([2]);
    const id = await plantGood(2, { attempt: 1 });
    const at = NOON + 2 * MINUTE;
    await plantEffect(id, 2, { begin: at + 500 });
    const orphan = randomUUID();
    await plantEffect(orphan, 2);
    expect(await during(at, at + 2_000)).toBe('');
    const outside = await during(at - 30_000, at - 20_000);
    expect(outside).toContain('has an attempt that was started twice');
    expect(outside).toContain('is an effect without a run');
  });

  it('is stuck, also if the run has effects in the announced time of a loss', async () => {
    await givenAll([2]);
    const at = NOON + 2 * MINUTE;
    const id = await plantRun(2, { state: 'running', finished: null });
    await plantEffect(id, 2, { end: null });
    expect(await during(at, at + 2_000)).toContain('is stuck');
  });

  it.each(broken)('%s', async (sentence, plant, changes = {}, steps = []) => {
    await plant();
    expect((await sentences([plan(changes)], steps)).join(', ')).toBe(sentence);
  });
});

import { runSql } from './support/run-sql.js';
import { eventually } from './support/eventually.js';
import { EVERY_SECOND } from './support/jobs.js';
import { type Page, type RunAnswer, finishedJob, TestService } from './support/service.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});

afterAll(() => service.stop());

const runs = async (job: string): Promise<RunAnswer[]> =>
  (await service.get<Page<RunAnswer>>(`/runs?job=${job}`)).items.toReversed();
const states = async (job: string) => (await runs(job)).map(({ state }) => state);
const runNow = (job: string) => service.call<RunAnswer>('POST', `/jobs/${job}/run`);
/** Makes an occurrence of a job due now. */
const fallDue = (job: string) =>
  runSql(
    service.database,
    `UPDATE cronzimus.jobs SET next_occurrence_at = t.at, next_run_at = t.at, trigger =
       jsonb_build_object('type', 'date', 'at', to_char(t.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
     FROM (SELECT date_trunc('milliseconds', now()) AS at) t WHERE name = '${job}'`,
  );

describe('overlap', () => {
  it('queue holds one run, refuses the next, and starts the held one when the first has ended', async () => {
    await service.given(finishedJob('line', 'wait', { overlap: 'queue' }));
    const first = await runNow('line');
    await service.reaches(first.body.id, 'running');
    const second = await runNow('line');
    expect(second.body.state).toBe('pending');
    expect((await runNow('line')).body).toMatchObject({ status: 409, code: 'JOB_BUSY' });
    await fallDue('line');
    await eventually(async () => expect(await states('line')).toEqual(['running', 'pending', 'skipped']));

    await service.call('POST', `/runs/${first.body.id}/cancel`);
    await service.reaches(first.body.id, 'cancelled');
    await service.reaches(second.body.id, 'running');
    await service.call('POST', `/runs/${second.body.id}/cancel`);
  });

  it('replace cancels the old run and starts the new one once it has ended', async () => {
    await service.given(finishedJob('newest', 'wait', { overlap: 'replace' }));
    const first = await runNow('newest');
    await service.reaches(first.body.id, 'running');
    const second = await runNow('newest');
    expect(await service.reaches(first.body.id, 'cancelled')).toMatchObject({ reason: 'replaced' });
    await service.reaches(second.body.id, 'running');
    await fallDue('newest');
    expect(await service.reaches(second.body.id, 'cancelled')).toMatchObject({ reason: 'replaced' });
    await eventually(async () => expect(await states('newest')).toEqual(['cancelled', 'cancelled', 'running']));
  });

  it('allow starts a second run while the first one is running', async () => {
    await service.given(finishedJob('crowd', 'wait', { overlap: 'allow' }));
    await runNow('crowd');
    await runNow('crowd');
    await eventually(async () => expect(await states('crowd')).toEqual(['running', 'running']));
  });
});

/** Seconds from the first start to the last end of a job's runs. The worker polls every 2 s: ten starts that each waited for a poll
 *  would take about 20 s. */
async function secondsTaken(job: string): Promise<number> {
  const taken = `SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 AS seconds FROM`;
  const [row] = await runSql(
    service.database,
    `${taken} (SELECT started_at, finished_at FROM cronzimus.runs WHERE job = '${job}' AND started_at IS NOT NULL UNION ALL
       SELECT a.started_at, a.finished_at FROM cronzimus.run_attempts a JOIN cronzimus.runs r ON r.id = run_id WHERE job = '${job}') t`,
  );
  return Number(row!['seconds']);
}
const WELL_BELOW_TEN_POLLS = 10;

describe('a retry', () => {
  it('starts at its instant, without waiting for the next poll', async () => {
    const retry = { limit: 10, delaySeconds: 0.1, backoff: 'fixed', maxDelaySeconds: 1 } as const;
    await service.given(finishedJob('stubborn', 'fail', { retry }));
    expect(await service.run('stubborn', 'failed')).toMatchObject({ attempt: 11 });
    expect(await secondsTaken('stubborn')).toBeLessThan(WELL_BELOW_TEN_POLLS);
  });
});

describe('misfire all', () => {
  it('catches up one run right after the other, oldest first', async () => {
    const first = new Date(Math.floor(Date.now() / 60_000 - 12) * 60_000);
    const trigger = { type: 'interval', everySeconds: 60, anchor: first.toISOString() } as const;
    await service.given(
      finishedJob('backlog', 'echo', {
        input: { text: 'x' },
        trigger: { ...trigger, startAt: null, endAt: null, jitterSeconds: 0 },
        misfire: { policy: 'all', graceSeconds: 0, maxCatchUp: 10 },
        nextOccurrenceAt: first,
        nextRunAt: first,
      }),
    );
    const caughtUp = await eventually(async () => {
      const found = (await runs('backlog')).filter(({ kind }) => kind === 'catch_up');
      expect(found.map(({ state }) => state)).toEqual(Array.from({ length: 10 }, () => 'succeeded'));
      return found.toSorted((a, b) => String(a['scheduledAt']).localeCompare(String(b['scheduledAt'])));
    });
    expect(await secondsTaken('backlog')).toBeLessThan(WELL_BELOW_TEN_POLLS);
    caughtUp.slice(1).forEach((run, index) => {
      expect(Date.parse(String(run['startedAt']))).toBeGreaterThanOrEqual(
        Date.parse(String(caughtUp[index]!['finishedAt'])),
      );
    });
  });
});

describe('cancel', () => {
  it('ends a run that waits for its retry at once, and the run is not started again', async () => {
    const retry = { limit: 3, delaySeconds: 60, backoff: 'fixed', maxDelaySeconds: 60 } as const;
    await service.given(finishedJob('hopeless', 'fail', { retry }));
    const { id } = await service.run('hopeless', 'retrying');
    expect((await service.call('POST', `/runs/${id}/cancel`)).body).toMatchObject({
      state: 'cancelled',
      reason: 'user',
      nextAttemptAt: null,
    });
    expect(await runSql(service.database, `SELECT FROM cronzimus.run_queue WHERE run_id = '${id}'`)).toEqual([]);
  });

  it('refuses a run that has ended', async () => {
    await service.given(finishedJob('quick', 'echo', { input: { text: 'x' } }));
    const { id } = await service.run('quick', 'succeeded');
    expect((await service.call('POST', `/runs/${id}/cancel`)).body).toMatchObject({
      status: 409,
      code: 'RUN_FINISHED',
    });
  });
});

/** A job that runs each second. */
const givenEverySecond = async (name: string) => {
  const next = new Date(Math.ceil(Date.now() / 1000) * 1000);
  const due = { trigger: EVERY_SECOND, nextOccurrenceAt: next, nextRunAt: next };
  await service.given(finishedJob(name, 'echo', { input: { text: 'x' }, overlap: 'allow', ...due }));
};

describe('a pause', () => {
  it('of a job turns its occurrences into one skipped row, and allows manual runs', async () => {
    await givenEverySecond('resting');
    await eventually(async () => expect(await states('resting')).toContain('succeeded'));
    expect((await service.call('POST', '/jobs/resting/pause')).body).toMatchObject({
      state: 'paused',
      nextRunAt: null,
    });
    const before = (await runs('resting')).length;
    await service.run('resting', 'succeeded');
    await eventually(async () => {
      const [due] = await runSql(
        service.database,
        `SELECT next_occurrence_at < now() - interval '2 s' AS missed FROM cronzimus.jobs WHERE name = 'resting'`,
      );
      expect(due).toEqual({ missed: true });
    });
    expect(await runs('resting')).toHaveLength(before + 1);
    expect((await service.call('POST', '/jobs/resting/resume')).body).toMatchObject({ state: 'active' });
    const rows = (await runs('resting')).filter(({ state }) => state === 'skipped');
    expect(rows).toMatchObject([{ reason: 'paused', missed: { count: expect.any(Number) } }]);
    await service.call('POST', '/jobs/resting/pause');
  });

  it('of the scheduler stops dispatch and claims, and leaves each occurrence one disposition', async () => {
    await givenEverySecond('stopped');
    await eventually(async () => expect(await states('stopped')).toContain('succeeded'));
    expect((await service.call('POST', '/scheduler/pause')).body).toMatchObject({ paused: true });
    const queued = await runNow('stopped');
    await eventually(async () => {
      const [due] = await runSql(
        service.database,
        `SELECT next_occurrence_at < now() - interval '2 s' AS missed FROM cronzimus.jobs WHERE name = 'stopped'`,
      );
      expect(due).toEqual({ missed: true });
    });
    expect(await service.get(`/runs/${queued.body.id}`)).toMatchObject({ state: 'pending' });
    expect((await service.call('POST', '/scheduler/resume')).body).toMatchObject({ paused: false });
    await service.reaches(queued.body.id, 'succeeded');
    await eventually(async () => expect((await states('stopped')).at(-1)).toBe('succeeded'));
    await service.call('POST', '/jobs/stopped/pause');

    // Each second from the first row to the last has one row, alone or in a range.
    const rows = (await runs('stopped')).filter(({ kind }) => kind === 'schedule');
    const seconds = rows.flatMap(({ scheduledAt, missed }) => {
      const from = Date.parse(String(scheduledAt));
      const to = missed ? Date.parse((missed as { to: string }).to) : from;
      return Array.from({ length: (to - from) / 1000 + 1 }, (_, index) => from + index * 1000);
    });
    const span = (Math.max(...seconds) - Math.min(...seconds)) / 1000 + 1;
    expect(seconds.length).toBe(span);
    expect(new Set(seconds).size).toBe(span);
    expect(rows.filter(({ reason }) => reason === 'paused')).toHaveLength(1);
  });
});

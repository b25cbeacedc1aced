import { runSql } from './support/run-sql.js';
import { eventually } from './support/eventually.js';
import { runIdAt } from './support/run-id-at.js';
import { type Page, type RunAnswer, finishedJob, TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

interface LogLine {
  attempt: number;
  level: string;
  message: string;
}
const logs = (id: string, query = '') => service.get<Page<LogLine>>(`/runs/${id}/logs${query}`);
const soon = { limit: 1, delaySeconds: 0.2, backoff: 'fixed', maxDelaySeconds: 1 } as const;

describe('the list of runs', () => {
  beforeAll(async () => {
    await service.given(
      finishedJob('list.ok', 'echo', { input: { text: 'hi' } }),
      finishedJob('list.bad', 'fail', { input: {} }),
    );
    await service.run('list.ok', 'succeeded');
    await service.run('list.bad', 'failed');
    await service.run('list.ok', 'succeeded');
    await runSql(
      service.database,
      `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, reason, scheduled_at, due_at, queued_at, finished_at,
         priority, timeout_seconds, retry, on_interruption, input, missed_to, missed_count)
       SELECT ${runIdAt("timestamptz '2026-01-02T00:00:00Z'")}, job_id, 'list.old', task, 'schedule', 'missed', 'misfire', '2026-01-01T00:00:00Z',
         '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', '2026-01-02T00:00:00Z', 0, 1, retry, 'fail', '{}',
         '2026-01-01T05:00:00Z', NULL FROM cronzimus.runs LIMIT 1`,
    );
  });

  it.each([
    ['', ['list.ok', 'list.bad', 'list.ok', 'list.old']],
    ['job=list.ok', ['list.ok', 'list.ok']],
    ['job=list', []],
    ['state=failed', ['list.bad']],
    ['kind=schedule', ['list.old']],
    ['kind=manual&state=succeeded&job=list.ok&limit=1', ['list.ok']],
    ['from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00.001Z', ['list.old']],
    ['to=2026-01-01T01:00:00%2B01:00', []],
    ['from=2026-01-01T00:00:00.001Z', ['list.ok', 'list.bad', 'list.ok']],
  ])('has the runs that match, newest first: %s', async (query, expected) => {
    const { items } = await service.get<Page<RunAnswer>>(`/runs?${query}`);
    expect(items.map(({ job }) => job)).toEqual(expected);
  });

  it('shows each run of a time range once, however long after its instant it was queued', async () => {
    // Three instants. Each has runs that were queued at once, after about a minute, and days later; some at the same time.
    const queued = await runSql(
      service.database,
      `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, scheduled_at, due_at, queued_at, finished_at,
         priority, timeout_seconds, retry, on_interruption, input)
       SELECT ${runIdAt('queued')}, gen_random_uuid(), 'list.late', task, 'schedule', 'skipped', at, at,
         queued, at, 0, 1, retry, 'fail', '{}'
       FROM (SELECT task, retry FROM cronzimus.runs LIMIT 1) AS like_it,
         unnest('{2025-01-01 00:00:00Z,2025-01-01 00:00:30Z,2025-01-01 00:01:00Z}'::timestamptz[]) AS at,
         unnest('{0,59,60,61,90,249970,250000}'::int[]) AS delay,
         CAST(at + delay * interval '1 second' AS timestamptz) AS queued
       RETURNING extract(epoch FROM queued_at - '2025-01-01 00:00:00Z')::int AS seconds`,
    );
    expect(queued).toHaveLength(21);
    const runs = await service.allPages<RunAnswer>(
      '/runs?job=list.late&from=2025-01-01T00:00:00Z&to=2025-01-01T00:01:00Z&limit=2',
    );
    const seconds = runs.map(({ queuedAt }) => (Date.parse(String(queuedAt)) - Date.UTC(2025, 0, 1)) / 1000);
    expect(seconds).toEqual([250_030, 250_000, 250_000, 249_970, 120, 91, 90, 90, 89, 61, 60, 59, 30, 0]);
  });

  it('leaves out inputs, outputs, attempts and stacks', async () => {
    const { items } = await service.get<Page<RunAnswer>>('/runs?state=failed');
    const { input, output, attempts, waitsFor, retriedAs, ...item } = await service.get(`/runs/${items[0]!.id}`);
    expect([input, output, attempts]).toEqual([{}, null, [expect.anything()]]);
    expect([waitsFor, retriedAs]).toEqual([null, []]);
    const { stack, ...error } = item['error'] as Record<string, unknown>;
    expect(stack).toContain('tasks.ts');
    expect(items).toEqual([{ ...item, error }]);
  });

  it('shows from when to when a range of occurrences was missed', async () => {
    const missed = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T05:00:00.000Z', count: null };
    const { items } = await service.get<Page<RunAnswer>>('/runs?job=list.old');
    expect(items).toMatchObject([{ state: 'missed', reason: 'misfire', missed, startedAt: null, durationMs: null }]);
  });

  it('shows no run twice and leaves none out when others are added meanwhile', async () => {
    const before = (await service.get<Page<RunAnswer>>('/runs')).items;
    const paged = await service.allPages<RunAnswer>('/runs?limit=1', () => service.run('list.ok', 'succeeded'));
    expect(paged).toEqual(before);
  });
});

describe('a run that fails', () => {
  it('has the state failed, and its error with the stack, also in the row of the attempt', async () => {
    await service.given(finishedJob('failing', 'fail', { input: {} }));
    const run = await service.run('failing', 'failed');
    const error = {
      name: 'Error',
      message: 'attempt 1 failed',
      code: 'E_FAILED',
      stack: expect.stringContaining('tasks.ts'),
    };
    expect(run).toMatchObject({ error, output: null, reason: null, attempt: 1, retriesUsed: 0, nextAttemptAt: null });
    const times = { startedAt: run['startedAt'], finishedAt: run['finishedAt'] };
    expect(run['attempts']).toMatchObject([{ number: 1, replica: run['replica'], state: 'failed', error, ...times }]);
  });

  it('waits for its retry, and runs again', async () => {
    await service.given(finishedJob('retried', 'fail', { input: { attempts: 1 }, retry: soon }));
    const waiting = await service.run('retried', 'retrying');
    expect(waiting).toMatchObject({ nextAttemptAt: expect.any(String), finishedAt: null, attempt: 1, retriesUsed: 1 });
    const ended = await service.reaches(waiting.id, 'succeeded');
    expect(ended).toMatchObject({ output: 2, error: null, attempt: 2, retriesUsed: 1, nextAttemptAt: null });
    expect(ended['attempts']).toMatchObject([{ number: 1, state: 'failed', error: { message: 'attempt 1 failed' } }]);
    expect(Date.parse(ended['startedAt'] as string)).toBeGreaterThanOrEqual(
      Date.parse(waiting['nextAttemptAt'] as string),
    );
  });

  it('fails for good when no retry is left', async () => {
    await service.given(finishedJob('retried-in-vain', 'fail', { input: {}, retry: soon }));
    const run = await service.run('retried-in-vain', 'failed');
    expect(run).toMatchObject({ attempt: 2, retriesUsed: 1, error: { message: 'attempt 2 failed' } });
    expect(run['attempts']).toMatchObject([{ number: 1 }, { number: 2 }]);
  });

  it('because it takes too long has the state timed_out, and its signal aborts', async () => {
    await service.given(finishedJob('slow', 'wait', { timeoutSeconds: 0.1 }));
    const run = await service.run('slow', 'timed_out');
    expect(run).toMatchObject({ error: { code: 'TIMED_OUT' }, attempts: [{ number: 1, state: 'timed_out' }] });
    await eventually(async () =>
      expect((await logs(run.id)).items).toMatchObject([{ fields: { reason: 'TIMED_OUT' } }]),
    );
  });

  it.each(['large', 'nul', 'deep', 'circle', 'thrown'])('because of its %s result fails alone', async (kind) => {
    const job = `unstorable.${kind}`;
    await service.given(finishedJob(job, 'unstorable', { input: { kind } }), finishedJob(`beside.${kind}`, 'echo'));
    const [run] = await Promise.all([
      service.run(job, 'failed'),
      service.run(`beside.${kind}`, 'succeeded', { text: 'hi' }),
    ]);
    const code = kind === 'thrown' ? undefined : 'OUTPUT_NOT_STORABLE';
    expect(run).toMatchObject({ output: null, error: { message: expect.stringMatching(/\w/) } });
    expect((run['error'] as { code?: string }).code).toBe(code);
  });

  it('because its address is refused is not retried', async () => {
    await service.given(finishedJob('refused', 'http', { input: { url: 'http://169.254.169.254/' }, retry: soon }));
    const { error, attempt } = await service.run('refused', 'failed');
    expect([error, attempt]).toEqual([expect.objectContaining({ code: 'ADDRESS_REFUSED' }), 1]);
  });

  it('because its stored input no longer fits the task is not retried', async () => {
    await service.given(finishedJob('outdated', 'echo', { input: { words: 'hi' }, retry: soon }));
    const run = await service.run('outdated', 'failed');
    expect(run).toMatchObject({
      attempt: 1,
      error: { code: 'INVALID_INPUT', message: expect.stringContaining('/input/words') },
    });
  });
});

describe('the log of a run', () => {
  it('is paged, oldest line first', async () => {
    await service.given(finishedJob('talking', 'chatter'));
    const { id } = await service.run('talking', 'succeeded', { lines: 5 });
    await eventually(async () => expect((await logs(id)).items).toHaveLength(5));
    const lines = await service.allPages<LogLine>(`/runs/${id}/logs?limit=2`);
    expect(lines.map(({ message }) => message)).toEqual(['line 1', 'line 2', 'line 3', 'line 4', 'line 5']);
    expect(lines[4]).toEqual({
      at: expect.any(String),
      attempt: 1,
      level: 'info',
      message: 'line 5',
      fields: { line: 5 },
    });
  });

  it('has the first 1,000 lines and the last 200, and between them how many are missing', async () => {
    await service.given(finishedJob('babbling', 'chatter'));
    const { id } = await service.run('babbling', 'succeeded', { lines: 5_000 });
    const lines = await eventually(async () => {
      const found = await service.allPages<LogLine>(`/runs/${id}/logs?limit=500`);
      expect(found).toHaveLength(1_201);
      return found;
    });
    expect(lines[999]).toMatchObject({ level: 'info', message: 'line 1000' });
    expect(lines[1_000]).toEqual({
      at: expect.any(String),
      attempt: 1,
      level: 'warn',
      message: expect.stringMatching(/^3800 lines are missing here/),
      fields: null,
    });
    expect(lines[1_001]).toMatchObject({ level: 'info', message: 'line 4801', fields: { line: 4_801 } });
    expect(lines[1_200]).toMatchObject({ level: 'info', message: 'line 5000', fields: { line: 5_000 } });
  });

  // For each attempt: how many of its lines are kept, and how many are said to be missing. The last number is the delay
  // between two attempts, in seconds. From one second on, their lines are flushed separately.
  it.each<[string, object, Record<string, [number, number]>, number]>([
    ['1,000 lines in the third', { lines: 400 }, { 1: [400, 0], 2: [400, 0], 3: [400, 0] }, 0],
    ['1,000 lines in the third, by many', { lines: 450 }, { 1: [450, 0], 2: [450, 0], 3: [300, 150] }, 0],
    ['1,000 lines in the third, a while later', { lines: 450 }, { 1: [450, 0], 2: [450, 0], 3: [300, 150] }, 1.2],
    ['1,000 lines in the first', { lines: 1_000 }, { 1: [1_000, 0], 2: [200, 800], 3: [200, 800] }, 0],
    ['1,000 lines by one', { lines: 1_001 }, { 1: [1_001, 0], 2: [200, 801], 3: [200, 801] }, 0],
    ['1,000 lines by 201', { lines: 1_201 }, { 1: [1_200, 1], 2: [200, 1_001], 3: [200, 1_001] }, 1.2],
    ['256 KiB in the second', { lines: 2, bytes: 90_000 }, { 1: [2, 0], 2: [2, 0], 3: [2, 0] }, 0],
    ['256 KiB in the first', { lines: 10, bytes: 90_000 }, { 1: [6, 4], 2: [4, 6], 3: [4, 6] }, 0],
    ['256 KiB in the third, a while later', { lines: 1, bytes: 90_000 }, { 1: [1, 0], 2: [1, 0], 3: [1, 0] }, 1.2],
  ])('is limited over all attempts: %s', async (_case, input, kept, delaySeconds) => {
    const name = `repeating-${JSON.stringify([input, delaySeconds]).replaceAll(/\W+/g, '-')}end`;
    const retry = { limit: 2, delaySeconds, backoff: 'fixed', maxDelaySeconds: 60 } as const;
    await service.given(finishedJob(name, 'chatter', { retry }));
    const { id } = await service.run(name, 'succeeded', { ...input, failures: 2 });
    await eventually(async () => {
      const lines = await service.allPages<LogLine>(`/runs/${id}/logs?limit=500`);
      const counts = Object.entries(Object.groupBy(lines, ({ attempt }) => String(attempt))).map(([attempt, of]) => {
        const missing = of!.flatMap(({ message }) => /^(\d+) lines? (?:is|are) missing here/.exec(message)?.[1] ?? []);
        return [attempt, [of!.length - missing.length, missing.reduce((sum, number) => sum + Number(number), 0)]];
      });
      expect(Object.fromEntries(counts)).toEqual(kept);
      expect(lines.filter(({ message }) => message.startsWith('cut here'))).toEqual([]);
    });
  });

  it('with characters that PostgreSQL refuses is made storable, and the logs of other runs are kept', async () => {
    await service.given(finishedJob('odd', 'odd-log'), finishedJob('even', 'chatter'));
    const odd = await service.run('odd', 'succeeded');
    const even = await service.run('even', 'succeeded', { lines: 1 });
    await eventually(async () => expect((await logs(even.id)).items).toHaveLength(1));
    expect((await logs(odd.id)).items).toMatchObject([
      { message: 'fields', fields: { 'key\ufffd': 'value\ufffd' } },
      { message: 'message\ufffd', fields: null },
      { message: 'deep', fields: { unreadable: expect.any(String) } },
    ]);
  });
});

import type { ClaimedRun } from './claim-runs.js';
import { outcomeOf, quarantined, retryDelayMs, type UnwrittenResult } from './outcome.js';
import type { RetryPolicy, RunError } from './run.entity.js';

const run: ClaimedRun = {
  id: '01990000-0000-7000-8000-000000000000',
  jobId: '01990000-0000-7000-8000-000000000002',
  job: 'job',
  task: 'task',
  kind: 'schedule',
  scheduledAt: new Date(0),
  dueAt: new Date(0),
  startedAt: new Date(0),
  latenessMs: 0,
  attempt: 1,
  claimedAhead: false,
  replicaNumber: 1,
  replica: '1 host pid 1',
  priority: 0,
  timeoutSeconds: 300,
  retry: { limit: 2, delaySeconds: 5, backoff: 'exponential', maxDelaySeconds: 3600 },
  retriesUsed: 0,
  onInterruption: 'rerun',
  input: {},
};
const error: RunError = { name: 'Error', message: 'boom' };
const unknown: RunError = { name: 'UnknownTaskError', message: 'no such task', code: 'UNKNOWN_TASK' };
const failed: UnwrittenResult = { state: 'failed', error, final: false };
const timedOut: UnwrittenResult = { state: 'timed_out', error, final: false };

describe('the outcome of an attempt', () => {
  it.each<[string, Partial<ClaimedRun>, UnwrittenResult, 'shutdown' | null, object]>([
    [
      'that succeeds: its output, and no more attempts',
      {},
      { state: 'succeeded', output: '{"a":1}' },
      null,
      { state: 'succeeded', output: '{"a":1}', error: null, delayMs: null, isRetry: false },
    ],
    [
      'that succeeds while the process ends: it counts',
      {},
      { state: 'succeeded', output: null },
      'shutdown',
      { state: 'succeeded', delayMs: null },
    ],
    [
      'that fails with a retry left: another one later',
      {},
      failed,
      null,
      { state: 'retrying', reason: null, error, isRetry: true, delayMs: 5000 },
    ],
    [
      'that times out with a retry left: another one, later than the one before',
      { retriesUsed: 1 },
      timedOut,
      null,
      { state: 'retrying', error, isRetry: true, delayMs: 10_000 },
    ],
    [
      'that fails with none left: the end',
      { retriesUsed: 2 },
      failed,
      null,
      { state: 'failed', reason: null, error, isRetry: false, delayMs: null },
    ],
    [
      'that times out with none left: timed out',
      { retriesUsed: 2 },
      timedOut,
      null,
      { state: 'timed_out', error, delayMs: null },
    ],
    [
      'that would fail the same way again: the end, whatever is left',
      {},
      { ...failed, final: true },
      null,
      { state: 'failed', reason: null, isRetry: false, delayMs: null },
    ],
    [
      'whose task nobody knows: the end, with the reason',
      {},
      { ...failed, error: unknown, final: true },
      null,
      { state: 'failed', reason: 'unknown_task', error: unknown },
    ],
    [
      'that a shutdown cut short: another one at once, which is no retry',
      { retriesUsed: 2 },
      failed,
      'shutdown',
      { state: 'pending', reason: 'shutdown', error, isRetry: false, delayMs: 0 },
    ],
    [
      'that a shutdown cut short where the job says fail: the end, with the reason',
      { onInterruption: 'fail' },
      failed,
      'shutdown',
      { state: 'failed', reason: 'shutdown', error, isRetry: false, delayMs: null },
    ],
  ])('%s', (_case, written, result, interruption, expected) => {
    expect(outcomeOf({ ...run, ...written }, result, interruption, 0.5)).toMatchObject(expected);
  });

  it('is a failure that says so where the database refuses the result', () => {
    const succeeded = outcomeOf(run, { state: 'succeeded', output: '1' }, null, 0);
    expect(quarantined(succeeded, 'too odd')).toEqual({
      run,
      state: 'failed',
      reason: null,
      output: null,
      isRetry: false,
      delayMs: null,
      error: { name: 'Problem', code: 'OUTPUT_NOT_STORABLE', message: expect.stringContaining('too odd') },
    });
  });
});

const exponential: RetryPolicy = { limit: 100, delaySeconds: 5, backoff: 'exponential', maxDelaySeconds: 60 };
const fixed: RetryPolicy = { ...exponential, backoff: 'fixed' };

describe('the delay before another attempt', () => {
  it.each<[string, RetryPolicy, number, number, number]>([
    ['the first', exponential, 1, 0.5, 5_000],
    ['doubles', exponential, 2, 0.5, 10_000],
    ['and doubles', exponential, 3, 0.5, 20_000],
    ['up to the largest', exponential, 5, 0.5, 60_000],
    ['also after a hundred', exponential, 100, 0.5, 60_000],
    ['fixed stays', fixed, 4, 0.5, 5_000],
    ['fixed is capped too', { ...fixed, delaySeconds: 100 }, 1, 0.5, 60_000],
    ['20 % less at the least', exponential, 1, 0, 4_000],
    ['20 % more at the most', exponential, 1, 1, 6_000],
    ['none', { ...exponential, delaySeconds: 0 }, 50, 0.5, 0],
    ['whole milliseconds', { ...fixed, delaySeconds: 0.0015 }, 1, 0.5, 2],
  ])('%s', (_case, policy, failures, random, expected) => {
    expect(retryDelayMs(policy, failures, random)).toBe(expected);
  });
});

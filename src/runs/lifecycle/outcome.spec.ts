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
  suspect: false,
  replicaNumber: 1,
  replica: '1 host pid 1',
  priority: 0,
  timeoutSeconds: 300,
  retry: { limit: 2, delaySeconds: 5, backoff: 'exponential', maxDelaySeconds: 3600 },
  retriesUsed: 0,
  onInterruption: 'rerun',
  input: {},
  idempotencyKey: null,
};
const error: RunError = { name: 'Error', message: 'boom' };
const unknown: RunError = { name: 'UnknownTaskError', message: 'no such task', code: 'UNKNOWN_TASK' };
const failed: UnwrittenResult = { state: 'failed', error, final: false };
const timedOut: UnwrittenResult = { state: 'timed_out', error, final: false };

const afterWait = (retryAfterSeconds: number, retry: Partial<RetryPolicy>, random: number) =>
  outcomeOf({ ...run, retry: { ...run.retry, ...retry } }, { ...failed, retryAfterSeconds }, null, random).delayMs;

describe('outcomeOf an attempt whose server asked to wait', () => {
  it.each<[string, number, Partial<RetryPolicy>, number, number]>([
    ['waits as long as asked', 60, {}, 0, 60_000],
    ['waits up to 20 % longer than asked, at random', 60, {}, 0.5, 66_000],
    ['waits at most the maximum of the policy', 86_400, { maxDelaySeconds: 100 }, 0, 100_000],
    [
      'waits at most the maximum of the policy, however long the server asks',
      Infinity,
      { maxDelaySeconds: 7 },
      0,
      7_000,
    ],
    ['never waits less than the policy says', 1, { delaySeconds: 30 }, 0.5, 30_000],
    ['waits as the policy says without a request', 0, {}, 0.5, 5_000],
    ['does not wait when the maximum is 0', 60, { delaySeconds: 0, maxDelaySeconds: 0 }, 0.9, 0],
  ])('%s', (_case, seconds, policy, random, expected) => {
    expect(afterWait(seconds, policy, random)).toBe(expected);
  });

  it('fails without another attempt when no retry is left', () => {
    const outcome = outcomeOf({ ...run, retriesUsed: 2 }, { ...failed, retryAfterSeconds: 60 }, null, 0);
    expect(outcome).toMatchObject({ state: 'failed', delayMs: null });
  });
});

describe('outcomeOf an attempt', () => {
  it.each<[string, Partial<ClaimedRun>, UnwrittenResult, 'shutdown' | null, object]>([
    [
      'that succeeds: stores its output, and there is no other attempt',
      {},
      { state: 'succeeded', output: '{"a":1}' },
      null,
      { state: 'succeeded', output: '{"a":1}', error: null, delayMs: null, isRetry: false },
    ],
    [
      'that succeeds during a shutdown: succeeds',
      {},
      { state: 'succeeded', output: null },
      'shutdown',
      { state: 'succeeded', delayMs: null },
    ],
    [
      'that fails with a retry left: is retried later',
      {},
      failed,
      null,
      { state: 'retrying', reason: null, error, isRetry: true, delayMs: 5000 },
    ],
    [
      'that times out with a retry left: is retried, with a longer delay than before',
      { retriesUsed: 1 },
      timedOut,
      null,
      { state: 'retrying', error, isRetry: true, delayMs: 10_000 },
    ],
    [
      'that fails with no retry left: fails the run',
      { retriesUsed: 2 },
      failed,
      null,
      { state: 'failed', reason: null, error, isRetry: false, delayMs: null },
    ],
    [
      'that times out with no retry left: ends the run as timed out',
      { retriesUsed: 2 },
      timedOut,
      null,
      { state: 'timed_out', error, delayMs: null },
    ],
    [
      'that would fail in the same way again: fails the run, even with retries left',
      {},
      { ...failed, final: true },
      null,
      { state: 'failed', reason: null, isRetry: false, delayMs: null },
    ],
    [
      'whose task is unknown: fails the run, with the reason',
      {},
      { ...failed, error: unknown, final: true },
      null,
      { state: 'failed', reason: 'unknown_task', error: unknown },
    ],
    [
      'interrupted by a shutdown: is repeated at once, which uses up no retry',
      { retriesUsed: 2 },
      failed,
      'shutdown',
      { state: 'pending', reason: 'shutdown', error, isRetry: false, delayMs: 0 },
    ],
    [
      'interrupted by a shutdown, with onInterruption fail: fails the run, with the reason',
      { onInterruption: 'fail' },
      failed,
      'shutdown',
      { state: 'failed', reason: 'shutdown', error, isRetry: false, delayMs: null },
    ],
  ])('%s', (_case, written, result, interruption, expected) => {
    expect(outcomeOf({ ...run, ...written }, result, interruption, 0.5)).toMatchObject(expected);
  });

  it('is replaced by a failure with the cause if the database refuses the result', () => {
    const succeeded = outcomeOf(run, { state: 'succeeded', output: '1' }, null, 0);
    expect(quarantined(succeeded, 'too odd')).toEqual({
      run,
      state: 'failed',
      reason: null,
      output: null,
      isRetry: false,
      delayMs: null,
      started: true,
      error: { name: 'Problem', code: 'OUTPUT_NOT_STORABLE', message: expect.stringContaining('too odd') },
    });
  });
});

const exponential: RetryPolicy = { limit: 100, delaySeconds: 5, backoff: 'exponential', maxDelaySeconds: 60 };
const fixed: RetryPolicy = { ...exponential, backoff: 'fixed' };

describe('retryDelayMs', () => {
  it.each<[string, RetryPolicy, number, number, number]>([
    ['of the first retry', exponential, 1, 0.5, 5_000],
    ['doubles', exponential, 2, 0.5, 10_000],
    ['doubles again', exponential, 3, 0.5, 20_000],
    ['up to the maximum', exponential, 5, 0.5, 60_000],
    ['at the maximum after a hundred failures too', exponential, 100, 0.5, 60_000],
    ['does not grow if fixed', fixed, 4, 0.5, 5_000],
    ['has the maximum if fixed too', { ...fixed, delaySeconds: 100 }, 1, 0.5, 60_000],
    ['is at least 20 % less', exponential, 1, 0, 4_000],
    ['is at most 20 % more', exponential, 1, 1, 6_000],
    ['is zero without a delay', { ...exponential, delaySeconds: 0 }, 50, 0.5, 0],
    ['is in whole milliseconds', { ...fixed, delaySeconds: 0.0015 }, 1, 0.5, 2],
  ])('%s', (_case, policy, failures, random, expected) => {
    expect(retryDelayMs(policy, failures, random)).toBe(expected);
  });
});

import type { ClaimedRun } from './claim-runs.js';
import { outcomeOf, quarantined, type UnwrittenResult } from './outcome.js';
import type { RunError } from './run.entity.js';

const run: ClaimedRun = {
  id: '01990000-0000-7000-8000-000000000000',
  jobId: '01990000-0000-7000-8000-000000000002',
  job: 'job',
  task: 'task',
  kind: 'schedule',
  scheduledAt: new Date(0),
  startedAt: new Date(0),
  latenessMs: 0,
  attempt: 1,
  ticket: '01990000-0000-7000-8000-000000000001',
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

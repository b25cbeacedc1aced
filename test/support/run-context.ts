import type { RunContext } from '../../src/tasks/run-context.js';
import { type LoggedLine, testContext } from '../../src/testing/test-context.js';

/** The context of an attempt, with fixed ids, names and times. */
export const runContext = (given: Partial<RunContext> = {}, lines: LoggedLine[] = []): RunContext =>
  testContext(lines, {
    run: {
      id: '01989f3e-7a10-7cc0-8000-00000000000a',
      kind: 'schedule',
      idempotencyKey: 'billing.nightly/2026-03-01T02:30:00.000Z',
    },
    job: { name: 'billing.nightly' },
    scheduledAt: new Date('2026-03-01T02:30:00.000Z'),
    attempt: 2,
    ...given,
  });

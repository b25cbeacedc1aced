import { exampleRunItem } from '../../runs/api/run-examples.js';

const { id, state, reason, scheduledAt, startedAt, finishedAt, durationMs } = exampleRunItem;
const nightly = { type: 'cron', expression: '0 2 * * *', timeZone: 'Europe/Berlin' };

/** What the documentation shows of a job: as it is written, without its name. */
export const exampleDefinition = {
  task: 'http',
  input: { url: 'https://example.org/report', method: 'POST' },
  trigger: nightly,
};

/** As it is answered. */
export const exampleJob = {
  name: 'reports.nightly',
  description: '',
  ...exampleDefinition,
  trigger: { ...nightly, startAt: null, endAt: null, jitterSeconds: 0 },
  paused: false,
  priority: 0,
  tags: ['reports'],
  timeoutSeconds: 300,
  retry: { limit: 0, delaySeconds: 5, backoff: 'exponential', maxDelaySeconds: 3600 },
  onInterruption: 'rerun',
  misfire: { policy: 'once', graceSeconds: 60, maxCatchUp: 100 },
  overlap: 'skip',
  source: 'api',
  version: 1,
  state: 'active',
  nextRunAt: '2026-11-24T01:00:00.000Z',
  lastRun: { id, state, reason, scheduledAt, startedAt, finishedAt, durationMs },
  createdAt: '2026-11-22T12:13:57.609Z',
  updatedAt: '2026-11-22T12:13:57.609Z',
};

/** Two nights, as `upcoming` and a report show them. */
export const exampleInstants = ['2026-11-24T01:00:00.000Z', '2026-11-25T01:00:00.000Z'];

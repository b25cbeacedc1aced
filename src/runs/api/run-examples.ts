/** The examples of runs in the OpenAPI document. */
export const exampleRunItem = {
  id: '01a20853-c643-7b23-8341-c0bf94896358',
  job: 'reports.nightly',
  task: 'http',
  kind: 'schedule',
  state: 'succeeded',
  reason: null,
  scheduledAt: '2026-11-23T01:00:00.000Z',
  queuedAt: '2026-11-23T01:00:00.004Z',
  startedAt: '2026-11-23T01:00:00.009Z',
  finishedAt: '2026-11-23T01:00:00.129Z',
  latenessMs: 9,
  durationMs: 120,
  attempt: 1,
  retriesUsed: 0,
  nextAttemptAt: null,
  replica: '17 host-1 pid 4711',
  error: null,
  retryOf: null,
  missed: null,
};

export const exampleRun = {
  ...exampleRunItem,
  input: { url: 'https://example.org/report', method: 'POST' },
  output: { status: 200, body: { rows: 12 } },
  attempts: [],
  waitsFor: null,
  retriedAs: [],
};

export const exampleLogLine = {
  at: '2026-11-23T01:00:00.031Z',
  attempt: 1,
  level: 'info',
  message: 'report written',
  fields: { rows: 12 },
};

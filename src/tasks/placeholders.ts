import type { RunContext } from './run-context.js';

/** The values of the placeholders `{{…}}` in the strings of an input. Times are ISO 8601, UTC, in milliseconds. */
export const placeholderValues = ({ run, job, scheduledAt, attempt }: RunContext): Record<string, string> => ({
  'run.id': run.id,
  'run.scheduledAt': scheduledAt.toISOString(),
  'run.attempt': String(attempt),
  'job.name': job.name,
});

/** For checking a string when there is no run yet. */
export const examplePlaceholderValues: Record<string, string> = {
  'run.id': '01989f3e-7a10-7cc0-8000-000000000000',
  'run.scheduledAt': '2026-01-01T00:00:00.000Z',
  'run.attempt': '1',
  'job.name': 'billing.nightly',
};

export const placeholderHelp = '{{run.id}}, {{run.scheduledAt}}, {{run.attempt}} and {{job.name}} are replaced';

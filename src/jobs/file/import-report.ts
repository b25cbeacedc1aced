import { z } from 'zod';
import type { Job } from '../definition/job.entity.js';
import { changedFields } from '../definition/job-fields.js';
import { jobName } from '../definition/job.schema.js';
import { exampleOccurrences, upcomingOccurrences } from '../definition/upcoming-occurrences.js';

const occurrences = z.array(z.date());
const difference = z.object({
  name: jobName,
  upcoming: z
    .object({ before: occurrences, after: occurrences })
    .describe('The next three occurrences, before the import and after it, without jitter'),
});
const change = z.object({ before: z.json(), after: z.json() });

/** What an import has changed, or would change. */
export const importReport = z
  .object({
    created: z.array(difference),
    updated: z.array(difference.extend({ changes: z.record(z.string(), change).describe('By field') })),
    unchanged: z.array(z.object({ name: jobName })),
    deleted: z.array(difference),
  })
  .meta({
    id: 'JobsFileReport',
    examples: [
      {
        created: [{ name: 'reports.nightly', upcoming: { before: [], after: exampleOccurrences } }],
        updated: [],
        unchanged: [{ name: 'ping-status-page' }],
        deleted: [],
      },
    ],
  });

export type ImportReport = z.output<typeof importReport>;

const SHOWN = 3;

/** Null: there is no job before the import, or none after it. */
export const differenceOf = (name: string, before: Job | null, after: Job | null, now: Date) => ({
  name,
  upcoming: { before: shown(before, now), after: shown(after, now) },
});

const shown = (job: Job | null, now: Date): Date[] => (job ? upcomingOccurrences(job, now, SHOWN) : []);

export const changesOf = (before: Job, after: Job): ImportReport['updated'][number]['changes'] =>
  Object.fromEntries(
    changedFields(before, after).map((field) => [
      field,
      { before: before[field] as z.core.util.JSONType, after: after[field] as z.core.util.JSONType },
    ]),
  );

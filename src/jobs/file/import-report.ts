import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { exampleInstants } from '../definition/job-examples.js';
import type { Job } from '../definition/job.entity.js';
import { jobDefinition, jobName } from '../definition/job.schema.js';
import { upcoming } from '../definition/upcoming.js';

const instants = z.array(z.date());
const difference = z.object({
  name: jobName,
  upcoming: z
    .object({ before: instants, after: instants })
    .describe('The next three nominal instants as they were, and as they are now'),
});
const change = z.object({ before: z.json(), after: z.json() });

/** What a jobs file has changed, or would change. */
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
        created: [{ name: 'reports.nightly', upcoming: { before: [], after: exampleInstants } }],
        updated: [],
        unchanged: [{ name: 'ping-status-page' }],
        deleted: [],
      },
    ],
  });

export type ImportReport = z.output<typeof importReport>;

const FIELDS = jobDefinition.keyof().options;
const SHOWN = 3;

/** Null: the job is not there before, or after. */
export const differenceOf = async (name: string, before: Job | null, after: Job | null, now: Date) => ({
  name,
  upcoming: { before: await shown(before, now), after: await shown(after, now) },
});

const shown = async (job: Job | null, now: Date) => (job ? upcoming(job, now, SHOWN) : []);

/** The fields of the definition that differ. */
export function changesOf(before: Job, after: Job): ImportReport['updated'][number]['changes'] {
  const changed = FIELDS.filter((field) => !isDeepStrictEqual(before[field], after[field]));
  return Object.fromEntries(
    changed.map((field) => [field, { before: before[field] as z.core.util.JSONType, after: after[field] as never }]),
  );
}

import { z } from 'zod';
import { instant } from '../../core/triggers/input-fields.js';
import { exampleRunItem } from '../../runs/api/run-examples.js';
import { runItem } from '../../runs/api/run.view.js';

const time = instant.transform((text) => new Date(text));

export const backfillRequest = z
  .strictObject({
    from: time.describe('The start of the range; an occurrence at this time is part of it'),
    to: time.describe(
      'The end of the range, which is not part of it. Occurrences from the next one of the job on are left out',
    ),
    dryRun: z.boolean().default(false).describe('Only count the occurrences, and show the first 100'),
    force: z
      .boolean()
      .default(false)
      .describe('Also run the occurrences that have a run which succeeded or is unfinished'),
  })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'Must be after from' })
  .meta({
    id: 'BackfillRequest',
    examples: [{ from: '2026-11-01T00:00:00Z', to: '2026-11-02T00:00:00Z', dryRun: true }],
  });
export type BackfillRequest = z.output<typeof backfillRequest>;

export const backfillView = z
  .object({
    count: z.int().describe('How many runs were queued; with `dryRun`, how many would be'),
    runs: z.array(runItem).describe('The earliest occurrence first; empty with `dryRun`'),
    occurrences: z.array(z.date()).optional().describe('With `dryRun`: the first 100 occurrences'),
  })
  .meta({ id: 'Backfill', examples: [{ count: 1, runs: [{ ...exampleRunItem, kind: 'backfill' }] }] });
export type BackfillView = z.output<typeof backfillView>;

export const cancelledBackfillView = z
  .object({ count: z.int().describe('How many runs') })
  .meta({ id: 'CancelledBackfill', examples: [{ count: 21 }] });

import { z } from 'zod';
import { instant } from '../../core/triggers/input-fields.js';
import { exampleRunItem } from '../../runs/api/run-examples.js';
import { runItem } from '../../runs/api/run.view.js';

const time = instant.transform((text) => new Date(text));

export const backfillRequest = z
  .strictObject({
    from: time.describe('The first instant'),
    to: time.describe('Up to this instant, without it; what is not before the next occurrence is left out'),
    dryRun: z.boolean().default(false).describe('Only count, and show the first 100 instants'),
    force: z.boolean().default(false).describe('Also what has succeeded or is under way'),
  })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'Must be after from' })
  .meta({
    id: 'BackfillRequest',
    examples: [{ from: '2026-11-01T00:00:00Z', to: '2026-11-02T00:00:00Z', dryRun: true }],
  });
export type BackfillRequest = z.output<typeof backfillRequest>;

export const backfillView = z
  .object({
    count: z.int().describe('How many runs were queued; in a dry run, how many would be'),
    runs: z.array(runItem).describe('The earliest instant first; empty in a dry run'),
    occurrences: z.array(z.date()).optional().describe('In a dry run: up to 100 of the instants'),
  })
  .meta({ id: 'Backfill', examples: [{ count: 1, runs: [{ ...exampleRunItem, kind: 'backfill' }] }] });
export type BackfillView = z.output<typeof backfillView>;

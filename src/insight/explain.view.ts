import { z } from 'zod';
import { instant } from '../http/page.js';

export const explainQuery = z.strictObject({ at: instant.describe('The instant to explain, ISO 8601 with a zone') });

export const verdicts = [
  'not_due',
  'clock_change',
  'ended',
  'before_creation',
  'deleted',
  'ran',
  'late',
  'skipped',
  'cancelled',
  'paused',
  'missed',
  'overdue',
  'future',
  'pruned',
  'unknown',
  'lost',
  'unexplained',
] as const;
export type Verdict = (typeof verdicts)[number];

export const evidenceCodes = [
  'definition',
  'not_matching',
  'clock_change',
  'run',
  'attempt',
  'blocked_by',
  'pause',
  'scheduler_pause',
  'next_run',
  'no_scheduler',
  'no_worker',
  'retention',
  'data_loss',
] as const;

const evidence = z.object({
  code: z.enum(evidenceCodes),
  text: z.string(),
  run: z.uuid().optional().describe('The run that it is about'),
  at: z.date().optional().describe('The instant that it is about'),
  by: z.string().nullable().optional().describe('Who did it; only for admins'),
});
export type Evidence = z.output<typeof evidence>;

export const explanationView = z
  .object({
    at: z.date(),
    verdict: z
      .enum(verdicts)
      .describe(
        'not_due: no occurrence. clock_change: a local time that was skipped or came twice. late: it started more than 5 s late, or not yet. overdue: due, without a row. cancelled: it ended before it could start. lost: the database has lost data of that time. unexplained: a gap in the ledger. unknown: before the kept definitions',
      ),
    because: z.string().describe('One sentence'),
    evidence: z.array(evidence).describe('The facts, in the order of the reasoning'),
    remedy: z.string().nullable().describe('What to do so that it runs the next time. Null: nothing is wrong'),
    definition: z
      .object({ version: z.int(), validFrom: z.date(), validTo: z.date().nullable() })
      .nullable()
      .describe('The definition that applied; null if none did. GET /jobs/{name}/versions has it in full'),
    neighbours: z
      .object({ before: z.date().nullable(), after: z.date().nullable() })
      .describe('The occurrences before and after, by that definition'),
  })
  .meta({
    id: 'Explanation',
    examples: [
      {
        at: '2026-11-26T20:00:00.000Z',
        verdict: 'skipped',
        because: 'A run of the job was still unfinished, and its overlap is "skip".',
        evidence: [
          { code: 'definition', text: 'The trigger is "0 * * * *" in Europe/Berlin, version 3.' },
          {
            code: 'blocked_by',
            text: 'The run of 2026-11-26T19:00:00.000Z ended at 2026-11-26T20:14:02.000Z.',
            run: '01a20853-c643-7b23-8341-c0bf94896358',
          },
        ],
        remedy: 'Set overlap to queue or allow, or a longer interval. POST /jobs/{name}/backfill runs it now.',
        definition: { version: 3, validFrom: '2026-11-24T14:35:07.120Z', validTo: null },
        neighbours: { before: '2026-11-26T19:00:00.000Z', after: '2026-11-26T21:00:00.000Z' },
      },
    ],
  });
export type Explanation = z.output<typeof explanationView>;

/** What became of an instant, and why. */
export type Judgement = Pick<Explanation, 'verdict' | 'because' | 'evidence' | 'remedy'>;

/** The remedy for an occurrence that did not run. */
export const BACKFILL = 'POST /jobs/{name}/backfill runs it now.';

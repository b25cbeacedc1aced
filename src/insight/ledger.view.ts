import { z } from 'zod';
import { dispositions } from '../compute/ledger.js';
import { cursor, instant, limit } from '../http/page.js';
import { runKinds, runStates } from '../runs/lifecycle/run.entity.js';

const from = instant.optional().describe('From this instant on. Default: an hour before `to`');
const to = instant.optional().describe('Up to and including this instant. Default: now');

export const ledgerQuery = z.strictObject({ from, to, limit, cursor });
export const ledgerCheckQuery = z.strictObject({ from, to, cursor });

const disposition = z
  .enum(dispositions)
  .describe(
    'ran (its run may still wait), skipped, missed. paused: the pause goes on, no row yet. waiting: not due yet, or just now. overdue: due, no row yet. no_row: passed over. lost: as no_row, but the database has lost data of that time. not_asked_for: a row at an instant that no definition has. wrong_range: a row for a range with other instants. doubled: two rows. pruned: the row may be deleted. not_provable: depends on time zone data or definitions that are not known here. unknown: before the kept definitions',
  );

export const ledgerItem = z
  .object({
    at: z.date().describe('The nominal instant'),
    to: z.date().nullable().describe('Set for a range of time in which nothing is known'),
    disposition,
    version: z.int().nullable().describe('The version of the definition that asks for the instant. Null: none does'),
    runs: z
      .array(
        z.object({
          id: z.uuid(),
          kind: z.enum(runKinds),
          state: z.enum(runStates),
          reason: z.string().nullable(),
          startedAt: z.date().nullable(),
        }),
      )
      .describe('Its row: the run, or why there was none. A row for a range is at each of its instants'),
  })
  .meta({
    id: 'LedgerItem',
    examples: [
      {
        at: '2026-11-24T01:00:00.000Z',
        to: null,
        disposition: 'ran',
        version: 3,
        runs: [
          {
            id: '019ab3f0-7a4b-7c3d-9e2f-5b6a7c8d9e0f',
            kind: 'schedule',
            state: 'succeeded',
            reason: null,
            startedAt: '2026-11-24T01:00:00.006Z',
          },
        ],
      },
    ],
  });

const count = (what: string) => z.int().describe(what);
export const ledgerCheckView = z
  .object({
    from: z.date().describe('Later than asked for if runs of that time are pruned'),
    to: z.date(),
    jobs: count('How many jobs were checked, also deleted ones'),
    expected: count('Instants that the definitions of that time ask for'),
    ran: count('Of these, those with a run, which may still wait'),
    skipped: count('Those with a skipped row'),
    missed: count('Those with a missed row'),
    waiting: count('Those that are not due yet, or are paused now'),
    unexplained: count(
      'Instants without a row although they have passed, and rows that no definition asks for. 0: there is no gap',
    ),
    lost: count('Instants without a row in a time of which the database is known to have lost data'),
    doubled: count('Instants with two rows'),
    notProvable: count('Instants that depend on time zone data or definitions that are not known here'),
    complete: z
      .boolean()
      .describe('False if the check ended at its limits. Then go on with nextCursor, and add the numbers'),
    nextCursor: z.string().nullable().describe('Null if the check is complete'),
    findings: z
      .array(z.object({ job: z.string(), at: z.date(), what: disposition }))
      .describe('The first 100 that are unexplained, lost or doubled'),
  })
  .meta({
    id: 'LedgerCheck',
    examples: [
      {
        from: '2026-11-24T01:00:00.000Z',
        to: '2026-11-24T02:00:00.000Z',
        jobs: 412,
        expected: 9310,
        ran: 9302,
        skipped: 8,
        missed: 0,
        waiting: 0,
        unexplained: 0,
        lost: 0,
        doubled: 0,
        notProvable: 0,
        complete: true,
        nextCursor: null,
        findings: [],
      },
    ],
  });
export type LedgerCheckView = z.output<typeof ledgerCheckView>;

import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { explainInstant } from '../core/triggers/explain-instant.js';
import { openTrigger, type Schedule } from '../core/triggers/trigger.js';
import { checkLedger, type LedgerCheckInput, type LedgerPageInput, pageOfLedger } from './ledger.js';
import { type PreviewInput, previewOf } from './preview.js';

/** Which occurrences of a trigger to compute. Times are in milliseconds. */
export interface OccurrencesInput {
  schedule: Schedule;
  /** No occurrence before this time. */
  from: number;
  /** Only occurrences before this time. Default: no limit. */
  before?: number;
  /** How many at most. */
  most: number;
}

export interface ExplainInput {
  schedule: Schedule;
  /** The id of the job, which decides about its jitter. */
  seed: string;
  at: number;
}

function occurrencesIn({ schedule, from, before = Infinity, most }: OccurrencesInput): number[] {
  const trigger = openTrigger(schedule, '');
  const found: number[] = [];
  let at = trigger.next(new Date(from - 1));
  for (; at && at.getTime() < before && found.length < most; at = trigger.next(at)) found.push(at.getTime());
  return found;
}

const computations = {
  preview: previewOf,
  occurrences: occurrencesIn,
  checkLedger,
  pageOfLedger,
  explainInstant: ({ schedule, seed, at }: ExplainInput) => explainInstant(schedule, seed, at),
};

/** Where processors are scarce, the scheduler and the tasks come first. */
const NICENESS = 5;

/** A computation by name, with its input. */
export type Computation =
  | { name: 'preview'; input: PreviewInput }
  | { name: 'occurrences'; input: OccurrencesInput }
  | { name: 'checkLedger'; input: LedgerCheckInput }
  | { name: 'pageOfLedger'; input: LedgerPageInput }
  | { name: 'explainInstant'; input: ExplainInput };

// On Linux, this is the priority of the thread. Elsewhere it would be that of the process.
if (process.platform === 'linux') setPriority(NICENESS);

parentPort!.on('message', ({ name, input }: Computation) => {
  const compute = computations[name] as (input: unknown) => unknown;
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort!.postMessage(compute(input));
});

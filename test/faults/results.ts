import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** A line of the table that is printed at the end of all. */
export interface Result {
  /** The name of the test, with which it can be run alone. */
  scenario: string;
  occurrences: number;
  lost: number;
  doubled: number;
  /** From the fault to the next attempt of what it interrupted. Null: it interrupted nothing. */
  recoveryMs: { runs: number; median: number; max: number } | null;
  latenessMs: { median: number; max: number };
  /** All that the checker held against it. */
  violations: number;
}

export function keepResult(result: Result): void {
  appendFileSync(join(process.env['TEST_SCRATCH']!, 'results.jsonl'), `${JSON.stringify(result)}\n`);
}

import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** A line of the table that is printed at the end. */
export interface Result {
  /** The name of the test, which `-t` takes. */
  scenario: string;
  occurrences: number;
  lost: number;
  doubled: number;
  /** From the fault to the next attempts of the interrupted runs. Null: no run was interrupted. */
  recoveryMs: { runs: number; median: number; max: number } | null;
  latenessMs: { median: number; max: number };
  /** The number of violations that the checker found. */
  violations: number;
}

export function keepResult(result: Result): void {
  appendFileSync(join(process.env['TEST_SCRATCH']!, 'results.jsonl'), `${JSON.stringify(result)}\n`);
}

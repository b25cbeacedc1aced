import { Problem } from '../core/problem.js';
import { chainOf, isUnavailable, whyNobodyCanWrite } from '../database/unavailable.js';

// Statement timeout, lock timeout, serialization failure, deadlock.
const BUSY_CODE = /^(57014|55P03|40001|40P01)$/;
const READ_ONLY_CODE = '25006';

/** The 503 for a failed database call when a retry of the same request may succeed. Undefined for other errors. */
export function databaseProblem(error: unknown): Problem | undefined {
  const codes = chainOf(error).map(({ code }) => code);
  if (codes.some((code) => BUSY_CODE.test(code)))
    return new Problem(503, 'DATABASE_BUSY', 'The database did not answer in time; try again.');
  if (!isUnavailable(error)) return undefined;
  const problem = codes.includes(READ_ONLY_CODE)
    ? `cannot be written to: ${whyNobodyCanWrite(error)!}`
    : 'cannot be reached';
  return new Problem(503, 'DATABASE_UNAVAILABLE', `The database ${problem}; try again.`);
}

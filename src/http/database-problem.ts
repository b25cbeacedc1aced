import { Problem } from '../core/problem.js';

const UNAVAILABLE_CODE =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|57P0[1235]|08...|53...|25006)$/;
const UNAVAILABLE_NAME =
  /^(ConnectionNotFound|ConnectionIsNotSet|CannotExecuteNotConnected|CannotGetEntityManagerNotConnected)Error$/;
const UNAVAILABLE_MESSAGE =
  /Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|is not queryable|Cannot use a pool after calling end|Driver not Connected/;
// Statement timeout, lock timeout, serialization failure, deadlock.
const BUSY_CODE = /^(57014|55P03|40001|40P01)$/;

/** The 503 for a failed database call when a retry of the same request may succeed. Undefined for other errors. */
export function databaseProblem(error: unknown): Problem | undefined {
  for (const { code, name, message } of chainOf(error)) {
    if (BUSY_CODE.test(code)) {
      return new Problem(503, 'DATABASE_BUSY', 'The database did not answer in time; try again.');
    }
    if (UNAVAILABLE_CODE.test(code) || UNAVAILABLE_NAME.test(name) || UNAVAILABLE_MESSAGE.test(message)) {
      return new Problem(503, 'DATABASE_UNAVAILABLE', 'The database cannot be reached; try again.');
    }
  }
  return undefined;
}

/** The error and the errors that it wraps: TypeORM keeps pg's error in `driverError`, pg-pool in `cause`. */
function chainOf(error: unknown): { code: string; name: string; message: string }[] {
  const chain = [];
  const seen = new Set<unknown>();
  for (let next = error; next instanceof Error && !seen.has(next); next = wrapped(next)) {
    seen.add(next);
    const code = 'code' in next && typeof next.code === 'string' ? next.code : '';
    chain.push({ code, name: next.name, message: next.message });
  }
  return chain;
}

const wrapped = (error: Error): unknown => ('driverError' in error ? error.driverError : error.cause);

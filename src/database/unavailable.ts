/** Failures after which no process can write to the database, and why. They usually affect all replicas, so nobody takes over runs
 *  meanwhile, and attempts continue (see docs/adr/0011 and 0027). This process cannot know that for sure: where each node connects
 *  through a proxy of its own, such as a sidecar, the proxy may refuse connections here while others still write. The other replicas
 *  then take over its runs, as after any silence. */
const CANNOT_WRITE: Record<string, string> = {
  ECONNREFUSED: 'it refuses connections',
  '25006': 'it is read-only',
  '53100': 'its disk is full',
  '57P01': 'it is shutting down',
  '57P02': 'it is recovering from a crash',
  '57P03': 'it is starting',
  '58030': 'it has an I/O error',
};

/** Other failures of a connection or of the server. They may affect only this process. A replica that cannot open a connection
 *  (53300), for example, must expect that others can, and that they take over its runs. */
const UNAVAILABLE_CODE =
  /^(ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|57P05|08...|53...)$/;
const UNAVAILABLE_NAME =
  /^(ConnectionNotFound|ConnectionIsNotSet|CannotExecuteNotConnected|CannotGetEntityManagerNotConnected)Error$/;
const UNAVAILABLE_MESSAGE =
  /Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|is not queryable|Cannot use a pool after calling end|Driver not Connected/;

interface Link {
  code: string;
  name: string;
  message: string;
}

/** Why no process can write to the database now, in a few words that follow "the database cannot be written to:". Null if the error
 *  does not say that. */
export function whyNobodyCanWrite(error: unknown): string | null {
  for (const { code } of chainOf(error)) if (Object.hasOwn(CANNOT_WRITE, code)) return CANNOT_WRITE[code]!;
  return null;
}

/** Whether the database could not be reached or could not write, so that the same call may succeed later. */
export const isUnavailable = (error: unknown): boolean =>
  whyNobodyCanWrite(error) !== null ||
  chainOf(error).some(
    ({ code, name, message }) =>
      UNAVAILABLE_CODE.test(code) || UNAVAILABLE_NAME.test(name) || UNAVAILABLE_MESSAGE.test(message),
  );

/** The error and the errors that it wraps: TypeORM keeps pg's error in `driverError`, pg-pool in `cause`. */
export function chainOf(error: unknown): Link[] {
  const chain: Link[] = [];
  const seen = new Set<unknown>();
  for (let next = error; next instanceof Error && !seen.has(next); next = wrapped(next)) {
    seen.add(next);
    const code = 'code' in next && typeof next.code === 'string' ? next.code : '';
    chain.push({ code, name: next.name, message: next.message });
  }
  return chain;
}

const wrapped = (error: Error): unknown => ('driverError' in error ? error.driverError : error.cause);

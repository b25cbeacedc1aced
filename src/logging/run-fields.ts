import { AsyncLocalStorage } from 'node:async_hooks';

/** What names the attempt that wrote a line. */
export interface RunFields {
  runId: string;
  job: string;
  attempt: number;
}

const current = new AsyncLocalStorage<RunFields>();

/** Runs `work` and returns its result. Every log line that `work` writes gets these fields, also lines of libraries and
 *  of async code that it starts. A child logger of pino would do the same, and takes 9 µs to make for each attempt. */
export const withRunFields = <T>(fields: RunFields, work: () => T): T => current.run(fields, work);

/** The attempt whose code runs now. Undefined outside of attempts. */
export const currentRun = (): RunFields | undefined => current.getStore();

/** The fields that pino writes itself, with values that are no text of a task. */
export const OF_PINO: ReadonlySet<string> = new Set(['level', 'time', 'pid', 'hostname']);

/** The merge strategy of pino: what code of an attempt logs through any logger replaces neither the fields of the service nor
 *  those of pino. Such fields are moved to `fields`. */
export function mergeFields(given: object, own: object): object {
  const run = current.getStore();
  if (!run) return { ...own, ...given };
  const clashes = Object.entries(given).filter(([key]) => OF_PINO.has(key) || (Object.hasOwn(run, key) && key in own));
  if (clashes.length === 0) return { ...given, ...own };
  const others = Object.entries(given).filter(([key]) => !OF_PINO.has(key) && !Object.hasOwn(run, key));
  const fields = { ...fieldsIn(given), ...Object.fromEntries(clashes) };
  return { ...Object.fromEntries(others), fields, ...own };
}

/** What `given` has as `fields`. A value that is no plain object, such as a date, keeps that name. */
function fieldsIn(given: { fields?: unknown }): object {
  const { fields } = given;
  if (fields === undefined) return {};
  const isPlain = typeof fields === 'object' && fields !== null && Object.getPrototypeOf(fields) === Object.prototype;
  return isPlain ? fields : { fields };
}

/** The mixin of pino that adds them. Returns a new object each time, because pino changes it. */
export const runFields = (): object => ({ ...current.getStore() });

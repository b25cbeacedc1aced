import { isNativeError } from 'node:util/types';

/** How deep the causes of an error are read, and how many of them. */
const MAX_DEPTH = 5;
const MAX_CAUSES = 20;

/** The parts of an error that are kept. */
export interface ErrorParts {
  name: string;
  message: string;
  code?: string;
  stack?: string;
}

/** An error behind another one: its `cause`, or one of the `errors` of an AggregateError. */
export interface CauseParts extends ErrorParts {
  /** 1 for a cause of the error itself, 2 for a cause of that cause, and so on. */
  depth: number;
}

/** Whether it is an error, also one of another realm. Never throws. */
export function isError(value: unknown): value is Error {
  return isNativeError(value) || read(() => value instanceof Error) === true;
}

/** The causes of an error, each before its own causes. At most 20, to a depth of 5; each error only once, so that a cycle
 *  ends. Never throws: what cannot be read is left out or named so. */
export function causesOf(error: unknown): CauseParts[] {
  const causes: CauseParts[] = [];
  const seen = new Set([error]);
  const collect = (of: unknown, depth: number) => {
    for (const cause of directCauses(of)) {
      if (seen.has(cause)) continue;
      if (depth > MAX_DEPTH || causes.length >= MAX_CAUSES) return;
      if (typeof cause === 'object') seen.add(cause);
      causes.push({ depth, ...partsOf(cause) });
      collect(cause, depth + 1);
    }
  };
  collect(error, 1);
  return causes;
}

/** An error with its causes, as fields of a log line. Never throws. */
export function errorFields(error: unknown): object {
  const causes = causesOf(error);
  return { ...partsOf(error), ...(causes.length > 0 && { causes }) };
}

function directCauses(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const { cause, errors } = {
    cause: read(() => (error as { cause?: unknown }).cause),
    errors: read(() => (error as { errors?: unknown }).errors),
  };
  const several = read(() => (Array.isArray(errors) && isError(error) ? errors.slice(0, MAX_CAUSES + 1) : [])) ?? [];
  // Any value may be a cause, but some libraries set the field to null.
  return [...(isError(error) && cause !== undefined && cause !== null ? [cause] : []), ...(several as unknown[])];
}

function partsOf(value: unknown): ErrorParts {
  if (!isError(value)) return { name: 'NonError', message: read(() => textOf(value)) ?? UNREADABLE };
  const code = read(() => (value as { code?: unknown }).code);
  const stack = read(() => value.stack);
  return {
    // Some libraries put something other than a string into these fields.
    name: read(() => textOf(value.name)) ?? 'Error',
    message: read(() => textOf(value.message)) ?? UNREADABLE,
    ...(typeof code === 'string' && { code }),
    ...(typeof stack === 'string' && { stack }),
  };
}

const UNREADABLE = 'cannot be read';

/** Any value as text. Throws when the value cannot be read. */
export const textOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : typeof value === 'bigint'
      ? `${value}n`
      : (JSON.stringify(value) ?? String(value));

/** A getter or a proxy may throw. */
function read<T>(get: () => T): T | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}

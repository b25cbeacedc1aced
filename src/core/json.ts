import { bare, type Mask } from './mask.js';
import { Problem } from './problem.js';

/** What PostgreSQL's jsonb holds. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const LARGEST_OUTPUT_BYTES = 65_536;

/** A task's result as JSON text that the database can hold, or null for none. Throws when it cannot be stored. */
export function outputAsJson(output: unknown, mask: Mask = bare): string | null {
  if (output === undefined) return null;
  const text = stringify(output, mask);
  if (text === undefined)
    throw unstorable(`a ${typeof output} is not JSON; return an object, a list, a text or a number`);
  const size = Buffer.byteLength(text);
  if (size > LARGEST_OUTPUT_BYTES)
    throw unstorable(`it is ${size} bytes of JSON; at most ${LARGEST_OUTPUT_BYTES} are kept, so return a summary`);
  // JSON.stringify writes a pair as itself, so an escaped surrogate is half of one.
  if (/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i.test(text))
    throw unstorable('a text in it holds a NUL character or half a surrogate pair; remove it');
  return text;
}

/** A text that PostgreSQL can hold: NUL and half surrogate pairs become the replacement character. */
export const storableText = (text: string) => text.toWellFormed().replaceAll('\0', '\ufffd');

/** The fields of a log line as JSON text that the database can hold. Never throws: what is no JSON is told as text. */
export function fieldsAsJson(fields: object, mask: Mask = bare): string {
  try {
    const plain = fields instanceof Error ? { err: fields } : fields;
    return JSON.stringify(plain, (_key, value: unknown) => masked(readable(value), mask));
  } catch {
    return JSON.stringify({ unreadable: 'these fields are no JSON' });
  }
}

function readable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storableText(key), item]));
}

/** For JSON.stringify, which hands the parts of a value to it one by one. */
function masked(value: unknown, mask: Mask): unknown {
  if (mask === bare) return value;
  if (typeof value === 'string') return mask(value);
  if (typeof value === 'number') return mask(String(value)) === '***' ? '***' : value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [mask(key), item]));
}

function stringify(output: unknown, mask: Mask): string | undefined {
  try {
    return JSON.stringify(output, mask === bare ? undefined : (_key, value: unknown) => masked(value, mask));
  } catch (error) {
    throw unstorable(error instanceof Error ? error.message : String(error));
  }
}

const unstorable = (why: string) =>
  new Problem(422, 'OUTPUT_NOT_STORABLE', `The task's result cannot be stored: ${why}`);

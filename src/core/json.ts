import { errorFields, isError } from './error-causes.js';
import { unmasked, type Mask } from './mask.js';
import { Problem } from './problem.js';
import { RECOGNISABLE } from './secret-forms.js';

/** A value that PostgreSQL's jsonb can hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const MAX_OUTPUT_BYTES = 65_536;

/** A task's result as JSON text that the database can hold. A bigint, NaN and an infinite number become text. Null when the task
 *  returned nothing. Throws OUTPUT_NOT_STORABLE. */
export function outputAsJson(output: unknown, mask: Mask = unmasked): string | null {
  if (output === undefined) return null;
  const text = stringify(output, mask);
  if (text === undefined)
    throw unstorable(`a ${typeof output} is not JSON; return an object, an array, a string or a number`);
  const size = Buffer.byteLength(text);
  if (size > MAX_OUTPUT_BYTES)
    throw unstorable(`it is ${size} bytes of JSON, and the limit is ${MAX_OUTPUT_BYTES}; return a summary`);
  // JSON.stringify escapes only surrogates that have no partner. It writes a pair as the character itself.
  if (/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i.test(text))
    throw unstorable('a string in it contains a NUL character or an unpaired surrogate; remove it');
  return text;
}

/** A text that PostgreSQL can hold: U+FFFD replaces each NUL and each unpaired surrogate. */
export const storableText = (text: string) => text.toWellFormed().replaceAll('\0', '\ufffd');

/** The fields of a log line as JSON text that the database can hold. Never throws: fields that are not JSON become a note. */
export function fieldsAsJson(fields: object, mask: Mask = unmasked): string {
  try {
    const named = isError(fields) ? { err: fields } : fields;
    return JSON.stringify(named, (_key, value: unknown) => masked(readable(value), mask));
  } catch {
    return JSON.stringify({ unreadable: 'these fields cannot be written as JSON' });
  }
}

/** JSON has no text for an Error, and more characters than the database can hold. */
function readable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (isError(value)) return errorFields(value);
  // Bytes stay as they are, because `masked` must see them as one value.
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storableText(key), item]));
}

/** A replacer for JSON.stringify, which calls it for every part of a value. It masks strings, numbers, keys and bytes. */
function masked(part: unknown, mask: Mask): unknown {
  const value = withText(part);
  if (mask === unmasked) return value;
  if (typeof value === 'string') return mask(value);
  if (typeof value === 'number') return hasSecret(String(value), mask) ? '***' : value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const bytes = bytesOf(value);
  if (bytes) return mask(bytes.toString()) === bytes.toString() ? value : '***';
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [mask(key), item]));
}

/** Numbers that JSON does not have become text. JSON.stringify would throw for a bigint and write null for the others. */
const withText = (value: unknown): unknown =>
  typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : value;

/** Whether a number is a secret, or contains most of one. A short secret may be part of a number by chance. */
function hasSecret(digits: string, mask: Mask): boolean {
  const rest = mask(digits);
  return rest === '***' || digits.length - rest.replaceAll('***', '').length >= RECOGNISABLE;
}

/** The bytes of a typed array, or of what JSON.stringify makes of one: `{ type, data }` of a Buffer, `{ "0": 97, … }` of another. */
function bytesOf(value: object): Buffer | null {
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const { type, data } = value as { type?: unknown; data?: unknown };
  if (type === 'Buffer' && Array.isArray(data)) return Buffer.from(data as number[]);
  const isIndexed = Object.entries(value).every(([key, item], index) => key === String(index) && isByte(item));
  return isIndexed ? Buffer.from(Object.values(value) as number[]) : null;
}

const isByte = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;

function stringify(output: unknown, mask: Mask): string | undefined {
  try {
    return JSON.stringify(output, (_key, value: unknown) => masked(value, mask));
  } catch (error) {
    throw unstorable(error instanceof Error ? error.message : String(error));
  }
}

const unstorable = (why: string) =>
  new Problem(422, 'OUTPUT_NOT_STORABLE', `The task's result cannot be stored: ${why}`);

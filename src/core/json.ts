import { Problem } from './problem.js';

/** What PostgreSQL's jsonb holds. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const LARGEST_OUTPUT_BYTES = 65_536;

/** A task's result as JSON text that the database can hold, or null for none. Throws when it cannot be stored. */
export function outputAsJson(output: unknown): string | null {
  if (output === undefined) return null;
  const text = stringify(output);
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

function stringify(output: unknown): string | undefined {
  try {
    return JSON.stringify(output);
  } catch (error) {
    throw unstorable(error instanceof Error ? error.message : String(error));
  }
}

const unstorable = (why: string) =>
  new Problem(422, 'OUTPUT_NOT_STORABLE', `The task's result cannot be stored: ${why}`);

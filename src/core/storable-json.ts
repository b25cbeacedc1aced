import type { Fault } from './problem.js';
import { jsonPointer } from './json-pointer.js';

const MAX_DEPTH = 100;

/** The first value or key that cannot be stored, or undefined when everything can be. PostgreSQL's text and jsonb hold no
 *  U+0000 and no unpaired surrogate, and JSON has no infinite number, no NaN and no bigint. Parsers turn a number that JavaScript
 *  would change into Infinity. Values may be nested 100 levels deep. zod would silently drop a key `__proto__`. `at`: the path of
 *  the value itself. */
export const unstorable = (value: unknown, at: string[] = []): Fault | undefined => search(value, [...at]);

function search(value: unknown, path: string[]): Fault | undefined {
  if (typeof value === 'string') return fault(textFault(value), path);
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return fault(notExact, path);
  if (typeof value !== 'object' || value === null) return undefined;
  if (path.length >= MAX_DEPTH) return fault(`Nest values at most ${MAX_DEPTH} levels deep`, path);
  for (const [key, child] of Object.entries(value)) {
    path.push(key);
    const found = fault(keyFault(key), path) ?? search(child, path);
    if (found) return found;
    path.pop();
  }
  return undefined;
}

const notExact = `This number cannot be kept exactly; write it as a string. Whole numbers are exact up to ${Number.MAX_SAFE_INTEGER}`;

const keyFault = (key: string): string | undefined =>
  key === '__proto__' ? 'A field must not be named __proto__' : textFault(key);

function textFault(text: string): string | undefined {
  if (text.includes('\0')) return 'Text must not contain the character U+0000';
  if (!text.isWellFormed()) return 'Text must be well-formed Unicode; it contains an unpaired surrogate';
  return undefined;
}

const fault = (message: string | undefined, path: string[]): Fault | undefined =>
  message === undefined ? undefined : { path: jsonPointer(path), message };

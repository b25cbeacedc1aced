import type { Fault } from './problem.js';
import { jsonPointer } from './json-pointer.js';

const MAX_DEPTH = 100;

/** The first place in `value`, keys included, that PostgreSQL's text and jsonb cannot hold (U+0000, half a
 *  surrogate pair), that lies more than 100 levels deep, or that zod would drop in silence (a key `__proto__`);
 *  undefined where there is none. */
export const unstorable = (value: unknown): Fault | undefined => search(value, []);

function search(value: unknown, path: string[]): Fault | undefined {
  if (typeof value === 'string') return fault(textFault(value), path);
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

const keyFault = (key: string): string | undefined =>
  key === '__proto__' ? 'A field must not be named __proto__' : textFault(key);

function textFault(text: string): string | undefined {
  if (text.includes('\0')) return 'Text must not contain the character U+0000';
  if (!text.isWellFormed()) return 'Text must be well-formed Unicode; it contains half a surrogate pair';
  return undefined;
}

const fault = (message: string | undefined, path: string[]): Fault | undefined =>
  message === undefined ? undefined : { path: jsonPointer(path), message };

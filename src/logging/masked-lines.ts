import { AsyncLocalStorage } from 'node:async_hooks';
import type { LoggerOptions } from 'pino';
import { fieldsAsJson } from '../core/json.js';
import { unmasked, type Mask } from '../core/mask.js';
import { OF_PINO, runFields } from './run-fields.js';

const masks = new AsyncLocalStorage<Mask>();

/** Runs `work` and returns its result. Masks all log lines that `work` writes, including those of libraries, of child loggers and of
 *  async code that it starts. */
export const withMask = <T>(mask: Mask, work: () => T): T => (mask === unmasked ? work() : masks.run(mask, work));

/** pino hooks that mask every line written inside `withMask`. They mask the line and not the arguments of the call, because a line
 *  also has what was bound to a child logger. */
export const maskedLines: NonNullable<LoggerOptions['hooks']> = {
  streamWrite(line) {
    const mask = masks.getStore();
    return mask ? maskedLine(line, mask) : line;
  },
};

/** Names of fields that stay readable, although a secret may have the same text. */
const NAMES = new Set(['msg', 'err', 'fields', 'context']);

/** What names the attempt, and what pino writes itself, is not masked: a job may be named like a part of its secret, and a secret
 *  may be a word such as `level`. */
function maskedLine(line: string, mask: Mask): string {
  const fields = Object.entries(JSON.parse(line) as Record<string, unknown>).flatMap(([name, value]) => {
    if (OF_PINO.has(name)) return [[name, value]];
    if (NAMES.has(name)) return [[name, maskedFields({ '': value }, mask)['']]];
    return Object.entries(maskedFields({ [name]: value }, mask));
  });
  return `${JSON.stringify({ ...Object.fromEntries(fields), ...runFields() })}\n`;
}

const maskedFields = (fields: object, mask: Mask) => JSON.parse(fieldsAsJson(fields, mask)) as Record<string, unknown>;

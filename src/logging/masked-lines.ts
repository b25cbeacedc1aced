import { AsyncLocalStorage } from 'node:async_hooks';
import type { LoggerOptions } from 'pino';
import { fieldsAsJson } from '../core/json.js';
import { unmasked, type Mask } from '../core/mask.js';
import { runFields } from './run-fields.js';

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

/** The fields that pino writes itself, with values that are no text of a task. */
const OF_PINO = ['level', 'time', 'pid', 'hostname'];
/** Names of fields that stay readable, although a secret may have the same text. */
const NAMES = ['msg', 'err', 'fields', 'context'];

/** What names the attempt, and what pino writes itself, is not masked: a job may be named like a part of its secret, and a secret
 *  may be a word such as `level`. */
function maskedLine(line: string, mask: Mask): string {
  const fields = JSON.parse(line) as Record<string, unknown>;
  const own = Object.entries(fields).filter(([name]) => OF_PINO.includes(name));
  const named = Object.entries(fields).filter(([name]) => NAMES.includes(name));
  const others = Object.entries(fields).filter(([name]) => !OF_PINO.includes(name) && !NAMES.includes(name));
  return `${JSON.stringify({
    ...Object.fromEntries(own),
    ...maskedFields(Object.fromEntries(others), mask),
    ...Object.fromEntries(named.map(([name, value]) => [name, maskedFields({ '': value }, mask)['']])),
    ...runFields(),
  })}\n`;
}

const maskedFields = (fields: object, mask: Mask) => JSON.parse(fieldsAsJson(fields, mask)) as Record<string, unknown>;

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

/** What names the attempt is not masked: a job may be named like a part of its secret. */
function maskedLine(line: string, mask: Mask): string {
  const fields = JSON.parse(fieldsAsJson(JSON.parse(line) as object, mask)) as object;
  return `${JSON.stringify({ ...fields, ...runFields() })}\n`;
}

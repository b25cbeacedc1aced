import { AsyncLocalStorage } from 'node:async_hooks';
import type { LoggerOptions } from 'pino';
import { fieldsAsJson } from '../core/json.js';
import { unmasked, type Mask } from '../core/mask.js';

const masks = new AsyncLocalStorage<Mask>();

/** Runs `work` and returns its result. Masks all log lines that `work` writes, including those of libraries and of async code that
 *  it starts. */
export const withMask = <T>(mask: Mask, work: () => T): T => (mask === unmasked ? work() : masks.run(mask, work));

/** pino hooks that mask the arguments of every log call inside `withMask`. */
export const maskedLines: NonNullable<LoggerOptions['hooks']> = {
  logMethod(args, log) {
    const mask = masks.getStore();
    const masked = mask ? args.map((arg: unknown) => maskedArgument(arg, mask)) : args;
    log.apply(this, masked as typeof args);
  },
};

function maskedArgument(arg: unknown, mask: Mask): unknown {
  if (typeof arg === 'string') return mask(arg);
  return typeof arg === 'object' && arg !== null ? (JSON.parse(fieldsAsJson(arg, mask)) as object) : arg;
}

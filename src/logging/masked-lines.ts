import { AsyncLocalStorage } from 'node:async_hooks';
import type { LoggerOptions } from 'pino';
import { fieldsAsJson } from '../core/json.js';
import { unmasked, type Mask } from '../core/mask.js';

const masks = new AsyncLocalStorage<Mask>();

/** Runs `work`. Until it has finished, all log lines that its code writes are masked, including those of libraries it calls. */
export const withMask = <T>(mask: Mask, work: () => T): T => (mask === unmasked ? work() : masks.run(mask, work));

/** pino hooks that mask the arguments of every call of a logger inside `withMask`. */
export const maskedLines: NonNullable<LoggerOptions['hooks']> = {
  logMethod(given, log) {
    const mask = masks.getStore();
    const args = mask ? given.map((part: unknown) => maskedPart(part, mask)) : given;
    log.apply(this, args as typeof given);
  },
};

function maskedPart(part: unknown, mask: Mask): unknown {
  if (typeof part === 'string') return mask(part);
  return typeof part === 'object' && part !== null ? (JSON.parse(fieldsAsJson(part, mask)) as object) : part;
}

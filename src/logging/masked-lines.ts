import { AsyncLocalStorage } from 'node:async_hooks';
import type { LoggerOptions } from 'pino';
import { fieldsAsJson } from '../core/json.js';
import { bare, type Mask } from '../core/mask.js';

const masks = new AsyncLocalStorage<Mask>();

/** Runs `work`, and masks the lines that whoever writes to the service's log meanwhile on its behalf. */
export const withMask = <T>(mask: Mask, work: () => T): T => (mask === bare ? work() : masks.run(mask, work));

/** pino's hook for what is handed to a logger. */
export const maskedLines: NonNullable<LoggerOptions['hooks']> = {
  logMethod(given, log) {
    const mask = masks.getStore();
    const told = mask ? given.map((part: unknown) => maskedPart(part, mask)) : given;
    log.apply(this, told as typeof given);
  },
};

function maskedPart(part: unknown, mask: Mask): unknown {
  if (typeof part === 'string') return mask(part);
  return typeof part === 'object' && part !== null ? (JSON.parse(fieldsAsJson(part, mask)) as object) : part;
}

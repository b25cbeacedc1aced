import { z } from 'zod';
import type { DocumentedObject } from '../documented-schema.js';
import { knownFields } from './input-fields.js';

const clockChangeFields = {
  /** A time that a clock change skips runs right after the gap (`run`), not at all (`skip`), or later by the length of the gap
   *  (`shift`). Null: `run` for fixed times, `skip` for times with a `*` or a step. Default: null. */
  gap: z
    .enum(['run', 'skip', 'shift'])
    .nullable()
    .default(null)
    .describe(
      'A time that a clock change skips runs right after the gap, not at all, or later by the length of the gap. ' +
        'Null: run for fixed times, skip for times with a * or a step',
    ),
  /** A time that a clock change repeats runs in the `first` pass, in the `last`, or in `both`. Null: `first` for fixed times,
   *  `both` for times with a `*` or a step. Default: null. */
  repeat: z
    .enum(['first', 'last', 'both'])
    .nullable()
    .default(null)
    .describe(
      'A time that a clock change repeats runs in the first pass, in the last, or in both. ' +
        'Null: first for fixed times, both for times with a * or a step',
    ),
};
export const clockChange: DocumentedObject<typeof clockChangeFields> = z
  .strictObject(clockChangeFields, { error: knownFields(...Object.keys(clockChangeFields)) })
  .describe('What happens to the times of a cron trigger that a clock change of its zone skips or repeats.');

/** What happens to the times of a cron trigger that a clock change skips or repeats. Null: the rule of Debian cron(8), which depends
 *  on the expression. */
export type ClockChange = z.output<typeof clockChange>;

/** The rules of Debian cron(8) for both. */
export const BY_CRON_RULE: ClockChange = { gap: null, repeat: null };

/** What holds for an expression. `isFixed`: its times of day have no `*` and no step. */
export const rulesOf = ({ gap, repeat }: ClockChange, isFixed: boolean) => ({
  gap: gap ?? (isFixed ? 'run' : 'skip'),
  repeat: repeat ?? (isFixed ? 'first' : 'both'),
});

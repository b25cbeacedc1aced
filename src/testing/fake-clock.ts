import { Problem } from '../core/problem.js';
import { BY_CRON_RULE } from '../core/triggers/clock-change.js';
import {
  completeTrigger,
  openTrigger,
  type Trigger,
  triggerInput,
  type TriggerInput,
} from '../core/triggers/trigger.js';

interface Schedule {
  trigger: Trigger;
  /** Null when no occurrence is left. */
  next: Date | null;
  run: (scheduledAt: Date) => unknown;
}

/** A clock for tests of triggers. It stands still until `advanceTo` moves it, and calls a function at each occurrence on the way.
 *  A year of occurrences, or a night with a DST change, takes milliseconds.
 *
 *  Occurrences are at their nominal instants: `jitterSeconds` is ignored. The clock runs no tasks and needs no database. Combine it
 *  with `runTask` for that. It does not change `Date` or timers. */
export class FakeClock {
  private time: Date;
  private readonly schedules: Schedule[] = [];

  /** `now` is a Date, or a string in ISO 8601 with an offset, such as `2026-03-29T00:00:00Z`. Throws INVALID_INSTANT for any other
   *  value. */
  constructor(now: Date | string) {
    this.time = instant(now);
  }

  /** The current time of this clock. The Date is a copy. */
  get now(): Date {
    return new Date(this.time);
  }

  /** Calls `run` with the nominal instant of each occurrence strictly after `now`, like a job that is created now. Defaults of the
   *  trigger: `timeZone` is UTC, and the `anchor` of an interval is `now`. Throws INVALID_TRIGGER with all faults in `errors`. */
  schedule(trigger: TriggerInput, run: (scheduledAt: Date) => unknown): void {
    const checked = triggerInput.safeParse(trigger);
    if (!checked.success) {
      const faults = checked.error.issues.map(({ path, message }) => ({ path: `/${path.join('/')}`, message }));
      throw new Problem(422, 'INVALID_TRIGGER', faults.map(({ message }) => message).join('; '), faults);
    }
    const definition = completeTrigger(checked.data, { timeZone: 'UTC', createdAt: this.time });
    const opened = openTrigger({ trigger: definition, clockChange: BY_CRON_RULE }, '');
    this.schedules.push({ trigger: opened, next: opened.next(this.time), run });
  }

  /** Moves the clock to `until` and runs all occurrences on the way, including one at `until` itself. They run in ascending order, one
   *  after the other, each awaited, with `now` at its instant. Does nothing when `until` is before `now`.
   *
   *  Resolves with the instants of the occurrences. Rejects with the error of a run that fails: the clock then stays at that
   *  occurrence, and the next call continues after it. Throws INVALID_INSTANT like the constructor. */
  async advanceTo(until: Date | string): Promise<Date[]> {
    const end = instant(until);
    const passed: Date[] = [];
    for (let due = this.earliest(end); due; due = this.earliest(end)) {
      const at = due.next!;
      due.next = due.trigger.next(at);
      this.time = at;
      passed.push(at);
      await due.run(new Date(at));
    }
    if (end > this.time) this.time = end;
    return passed;
  }

  private earliest(end: Date): Schedule | undefined {
    return this.schedules
      .filter(({ next }) => next !== null && next <= end)
      .toSorted((one, other) => one.next!.getTime() - other.next!.getTime())[0];
  }
}

function instant(given: Date | string): Date {
  const at = new Date(given);
  if (Number.isNaN(at.getTime()) || (typeof given === 'string' && !/(?:Z|[+-]\d\d:?\d\d)$/.test(given)))
    throw new Problem(
      422,
      'INVALID_INSTANT',
      `"${String(given)}" is not an instant with an offset; write it like 2026-03-29T00:00:00Z`,
    );
  return at;
}

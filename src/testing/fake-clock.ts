import { Problem } from '../core/problem.js';
import {
  completeTrigger,
  openTrigger,
  type Trigger,
  triggerInput,
  type TriggerInput,
} from '../core/triggers/trigger.js';

interface Schedule {
  trigger: Trigger;
  /** Null: no occurrence is left. */
  next: Date | null;
  run: (scheduledAt: Date) => unknown;
}

/** A clock that stands until it is told, and the occurrences that fall due on the way: a year of a schedule, or a night in which
 *  the clocks change, in milliseconds. Nominal instants; the jitter is left out. */
export class FakeClock {
  private time: Date;
  private readonly schedules: Schedule[] = [];

  /** `now`: a Date, or ISO 8601 with its offset. */
  constructor(now: Date | string) {
    this.time = instant(now);
  }

  get now(): Date {
    return new Date(this.time);
  }

  /** Calls `run` at each occurrence after now, as a job that is created now. A cron trigger without `timeZone` is in UTC. */
  schedule(trigger: TriggerInput, run: (scheduledAt: Date) => unknown): void {
    const checked = triggerInput.safeParse(trigger);
    if (!checked.success) {
      const faults = checked.error.issues.map(({ path, message }) => ({ path: `/${path.join('/')}`, message }));
      throw new Problem(422, 'INVALID_TRIGGER', faults.map(({ message }) => message).join('; '), faults);
    }
    const opened = openTrigger(completeTrigger(checked.data, { timeZone: 'UTC', createdAt: this.time }), '');
    this.schedules.push({ trigger: opened, next: opened.next(this.time), run });
  }

  /** Goes on to this instant, which included, and runs what falls due, the earliest first and one after the other. Answers the
   *  instants. What a run throws ends it there. */
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
    throw new Problem(422, 'INVALID_INSTANT', `"${String(given)}" is no instant; write 2026-03-29T00:00:00Z`);
  return at;
}

import { Injectable } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { DatabaseClock } from './database-clock.js';
import { JobFactory, type ScheduledJob } from './job.factory.js';

/** How soon the alarm of a job that is due already fires again. */
const MIN_REARM_MS = 2;
const MAX_REARM_MS = 250;

/** An alarm takes 2 KB, and a job that is due tomorrow does not need one yet. */
export const MAX_ALARMS = 10_000;

/**
 * Keeps one alarm in the SchedulerRegistry for each job with a next occurrence, or for the 10,000 jobs that are due
 * first. Alarms only save time: the dispatch loop polls as well, so a missing alarm costs at most one poll.
 *
 * Of the alarms for the same instant only the first one has a timer, and it fires for all of them. With a timer each,
 * the first of 10,000 jobs would start 60 ms late.
 */
@Injectable()
export class Alarms {
  /** The instants of our alarms, by name, in milliseconds since 1970. The registry may also hold cron jobs of users. */
  private readonly instants = new Map<string, number>();
  /** The names of the alarms that have not fired, by instant. The first of each instant has the timer. */
  private readonly waiting = new Map<number, Set<string>>();
  /** The names of alarms that have fired and were not set again since. */
  private readonly fired = new Set<string>();
  /** True when the limit left some job without an alarm. */
  leftOut = false;

  constructor(
    private readonly registry: SchedulerRegistry,
    private readonly factory: JobFactory,
    private readonly clock: DatabaseClock,
  ) {}

  /** Sets or moves the alarm of a job. If the job is due already, the alarm fires soon and not at once: another replica
   *  may be dispatching the job at this moment. */
  set(job: ScheduledJob, ring: () => void): void {
    this.remove(job.name);
    if (this.instants.size >= MAX_ALARMS) {
      this.leftOut = true;
      return;
    }
    const nextRunAt = this.nextRing(job);
    const instant = nextRunAt.getTime();
    const alarm = this.factory.create({ ...job, nextRunAt }, () => {
      this.fire(instant);
      ring();
    });
    this.registry.addCronJob(job.name, alarm);
    this.instants.set(job.name, instant);
    const together = this.waiting.get(instant);
    if (together) {
      together.add(job.name);
      return;
    }
    this.waiting.set(instant, new Set([job.name]));
    // Started last, so that an alarm which the registry refuses is not left running.
    alarm.start();
  }

  has(name: string): boolean {
    return this.instants.has(name);
  }

  /** Removes all alarms except those with these names. */
  keepOnly(names: Set<string>): void {
    for (const name of this.instants.keys()) if (!names.has(name)) this.remove(name);
  }

  remove(name: string): void {
    const instant = this.instants.get(name);
    if (instant === undefined) return;
    this.instants.delete(name);
    this.fired.delete(name);
    // An alarm that has fired stays in the registry until then.
    this.registry.deleteCronJob(name);
    this.leave(instant, name);
  }

  /** The names of the alarms for instants up to `now` that have fired and were not set again. */
  firedUpTo(now: Date): string[] {
    return [...this.fired].filter((name) => this.instants.get(name)! <= now.getTime());
  }

  /** Whether an alarm for an instant after `now` has fired. Timers of Node may fire up to a millisecond early. */
  hasFiredEarly(now: Date): boolean {
    return this.firedUpTo(now).length < this.fired.size;
  }

  clear(): void {
    this.keepOnly(new Set());
  }

  private fire(instant: number): void {
    for (const name of this.waiting.get(instant) ?? []) this.fired.add(name);
    this.waiting.delete(instant);
  }

  /** Another alarm of the instant gets a timer if the one that had it is gone. */
  private leave(instant: number, name: string): void {
    const together = this.waiting.get(instant);
    if (!together) return;
    const [first] = together;
    together.delete(name);
    const [next] = together;
    if (next === undefined) this.waiting.delete(instant);
    else if (next !== first) this.registry.getCronJob(next).start();
  }

  /** For a job that is due already, the wait grows with the time since it was due, from 2 to 250 ms. */
  private nextRing({ nextRunAt }: ScheduledJob): Date {
    const pastMs = -this.clock.until(nextRunAt);
    if (pastMs < 0) return nextRunAt;
    const waitMs = Math.min(MAX_REARM_MS, Math.max(MIN_REARM_MS, pastMs));
    return new Date(this.clock.now().getTime() + waitMs);
  }
}

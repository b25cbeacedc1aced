import { Injectable } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { DatabaseClock } from './database-clock.js';
import { JobFactory, type ScheduledJob } from './job.factory.js';

/** How soon the alarm of a job that is due already fires again. */
const MIN_REARM_MS = 2;
const MAX_REARM_MS = 250;

/** An alarm takes 2 KB, and a job that is due tomorrow does not need one yet. */
export const MAX_ALARMS = 10_000;

/** Keeps one alarm in the SchedulerRegistry for each job with a next occurrence, or for the 10,000 jobs that are due
 *  first. Alarms only save time: the dispatch loop polls as well, so a missing alarm costs at most one poll. */
@Injectable()
export class Alarms {
  /** The names of our alarms in the registry. Users may have cron jobs of their own there. */
  private readonly names = new Set<string>();
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
    if (this.names.size >= MAX_ALARMS) {
      this.leftOut = true;
      return;
    }
    const alarm = this.factory.create({ ...job, nextRunAt: this.nextRing(job) }, () => {
      this.fired.add(job.name);
      ring();
    });
    this.registry.addCronJob(job.name, alarm);
    this.names.add(job.name);
    // Started last, so that an alarm which the registry refuses is not left running.
    alarm.start();
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  /** Removes all alarms except those with these names. */
  keepOnly(names: Set<string>): void {
    for (const name of this.names) if (!names.has(name)) this.remove(name);
  }

  remove(name: string): void {
    this.fired.delete(name);
    // An alarm that fires once stays in the registry afterwards.
    if (this.names.delete(name)) this.registry.deleteCronJob(name);
  }

  /** The names of the alarms that have fired and were not set again. */
  firedNames(): string[] {
    return [...this.fired];
  }

  hasFired(name: string): boolean {
    return this.fired.has(name);
  }

  clear(): void {
    this.keepOnly(new Set());
  }

  /** For a job that is due already, the wait grows with the time since it was due, from 2 to 250 ms. */
  private nextRing({ nextRunAt }: ScheduledJob): Date {
    const pastMs = -this.clock.until(nextRunAt);
    if (pastMs < 0) return nextRunAt;
    const waitMs = Math.min(MAX_REARM_MS, Math.max(MIN_REARM_MS, pastMs));
    return new Date(this.clock.now().getTime() + waitMs);
  }
}

import { Injectable } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { DatabaseClock } from './database-clock.js';
import { JobFactory, type ScheduledJob } from './job.factory.js';

const SHORTEST_REARM_MS = 2;
const LONGEST_REARM_MS = 250;

/** An alarm takes 2 KB, and what rings tomorrow needs none yet. */
export const MOST_ALARMS = 10_000;

/** The SchedulerRegistry as a mirror of the jobs table: one alarm for each job with a next occurrence, or for the 10,000 that
 *  come next. Losing one costs at most a poll. */
@Injectable()
export class Alarms {
  /** Those in the registry that are ours: users may have jobs of their own there. */
  private readonly names = new Set<string>();
  /** Those that rang and were not set again since. */
  private readonly rung = new Set<string>();
  /** Whether a job has no alarm because there are as many as there may be. */
  leftOut = false;

  constructor(
    private readonly registry: SchedulerRegistry,
    private readonly factory: JobFactory,
    private readonly clock: DatabaseClock,
  ) {}

  /** Sets or moves the alarm of a job. What is due or past is asked again soon, not at once: it may be another's to dispatch. */
  set(job: ScheduledJob, ring: () => void): void {
    this.remove(job.name);
    if (this.names.size >= MOST_ALARMS) {
      this.leftOut = true;
      return;
    }
    const alarm = this.factory.create({ ...job, nextRunAt: this.nextRing(job) }, () => {
      this.rung.add(job.name);
      ring();
    });
    this.registry.addCronJob(job.name, alarm);
    this.names.add(job.name);
    // Last: an alarm that is refused must not go on ticking outside the registry.
    alarm.start();
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  /** Removes all but these. */
  keepOnly(names: Set<string>): void {
    for (const name of this.names) if (!names.has(name)) this.remove(name);
  }

  remove(name: string): void {
    this.rung.delete(name);
    // A one-shot stays registered after it rang.
    if (this.names.delete(name)) this.registry.deleteCronJob(name);
  }

  /** The names of those that rang and were not set again. */
  rangOut(): string[] {
    return [...this.rung];
  }

  hasRungOut(name: string): boolean {
    return this.rung.has(name);
  }

  clear(): void {
    this.keepOnly(new Set());
  }

  /** What is past is asked again after as long as it is past, but neither at once nor late. */
  private nextRing({ nextRunAt }: ScheduledJob): Date {
    const pastMs = -this.clock.until(nextRunAt);
    if (pastMs < 0) return nextRunAt;
    const waitMs = Math.min(LONGEST_REARM_MS, Math.max(SHORTEST_REARM_MS, pastMs));
    return new Date(this.clock.now().getTime() + waitMs);
  }
}

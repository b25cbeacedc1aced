import { Injectable } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { DatabaseClock } from './database-clock.js';
import { JobFactory, type ScheduledJob } from './job.factory.js';

const SHORTEST_REARM_MS = 250;

/** The SchedulerRegistry as a mirror of the jobs table: one alarm for each job with a next occurrence. Losing one costs at most a poll. */
@Injectable()
export class Alarms {
  /** Those that rang and were not set again since. */
  private readonly rung = new Set<string>();

  constructor(
    private readonly registry: SchedulerRegistry,
    private readonly factory: JobFactory,
    private readonly clock: DatabaseClock,
  ) {}

  /** Sets or moves the alarm of a job. What is due or past is asked again soon, not at once: it may be another's to dispatch. */
  set(job: ScheduledJob, ring: () => void): void {
    this.remove(job.name);
    const soon = new Date(this.clock.now().getTime() + SHORTEST_REARM_MS);
    const nextRunAt = job.nextRunAt <= this.clock.now() ? soon : job.nextRunAt;
    const alarm = this.factory.create({ ...job, nextRunAt }, () => {
      this.rung.add(job.name);
      ring();
    });
    this.registry.addCronJob(job.name, alarm);
    // Last: an alarm that is refused must not go on ticking outside the registry.
    alarm.start();
  }

  remove(name: string): void {
    this.rung.delete(name);
    // A one-shot stays registered after it rang.
    if (this.registry.doesExist('cron', name)) this.registry.deleteCronJob(name);
  }

  /** Hands out, once, the names of those that rang and were not set again. */
  takeRung(): string[] {
    const names = [...this.rung];
    this.rung.clear();
    return names;
  }

  clear(): void {
    for (const name of this.registry.getCronJobs().keys()) this.remove(name);
  }
}

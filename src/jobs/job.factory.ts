import { Injectable } from '@nestjs/common';
import { CronJob } from 'cron';
import { DatabaseClock } from './database-clock.js';

/** A job as far as its alarm is concerned. */
export interface ScheduledJob {
  name: string;
  nextRunAt: Date;
}

const SHORTEST_MS = 1;

/** Makes the alarm of a job of any trigger: a stopped CronJob that rings once, at `nextRunAt` by the database's clock. */
@Injectable()
export class JobFactory {
  constructor(private readonly clock: DatabaseClock) {}

  create({ name, nextRunAt }: ScheduledJob, ring: () => void): CronJob {
    // CronJob refuses to start on an instant that is past.
    const local = Math.max(this.clock.toLocal(nextRunAt).getTime(), Date.now() + SHORTEST_MS);
    return CronJob.from({ name, cronTime: new Date(local), onTick: ring });
  }
}

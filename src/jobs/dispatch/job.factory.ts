import { Injectable } from '@nestjs/common';
import { CronJob } from 'cron';
import { DatabaseClock } from './database-clock.js';

/** A job as far as its alarm is concerned. */
export interface ScheduledJob {
  name: string;
  nextRunAt: Date;
}

/** Makes the alarm of a job of any trigger: a stopped CronJob that rings once, at `nextRunAt` by the database's clock. */
@Injectable()
export class JobFactory {
  constructor(private readonly clock: DatabaseClock) {}

  create({ name, nextRunAt }: ScheduledJob, ring: () => void): CronJob {
    const cronTime = new Date(Date.now() + this.clock.until(nextRunAt));
    // The offset is of no account to an instant; without one, each alarm looks the zone of the machine up.
    const alarm = CronJob.from({ name, cronTime, utcOffset: 0, onTick: ring });
    // Its own way throws where a timer rings early, out of reach of every catch. Up, since before the instant nothing is due.
    alarm.cronTime.getTimeout = () => Math.max(0, Math.ceil(this.clock.until(nextRunAt)));
    return alarm;
  }
}

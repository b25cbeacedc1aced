import { Injectable } from '@nestjs/common';
import { CronJob } from 'cron';
import { DatabaseClock } from './database-clock.js';

/** A job as far as its alarm is concerned. */
export interface ScheduledJob {
  name: string;
  nextRunAt: Date;
}

/** Makes the alarm of a job of any trigger: a stopped CronJob that fires once, at `nextRunAt` by the database's clock. A timer of
 *  Node may fire up to a millisecond early. The dispatcher then finds nothing due, and the alarm is set again. */
@Injectable()
export class JobFactory {
  constructor(private readonly clock: DatabaseClock) {}

  create({ name, nextRunAt }: ScheduledJob, ring: () => void): CronJob {
    const cronTime = new Date(Date.now() + this.clock.until(nextRunAt));
    // An instant has no zone. Without an offset, each alarm would look up the zone of the machine.
    const alarm = CronJob.from({ name, cronTime, utcOffset: 0, onTick: ring });
    // The library's own getTimeout throws, where nothing can catch it, when a timer fires early. Rounded up: before the instant
    // nothing is due.
    alarm.cronTime.getTimeout = () => Math.max(0, Math.ceil(this.clock.until(nextRunAt)));
    return alarm;
  }
}

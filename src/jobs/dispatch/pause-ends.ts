import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { audit, ENDED_BY_ITSELF } from '../../auth/audit.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { notify } from '../../replicas/notify.js';
import { endSchedulerPause } from '../history/job-pauses.js';
import { Dispatcher } from './dispatcher.js';

/** Jobs whose pauses end in one transaction. */
const BATCH = 200;
/** The dispatch loop polls each second. An end that comes sooner gets a timer. */
const SOON_MS = 1_000;

/** Ends pauses of jobs and of the scheduler whose `until` has come. Every scheduler does this, and row locks decide which one. */
@Injectable()
export class PauseEnds {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly dispatcher: Dispatcher,
    private readonly logger: PinoLogger,
  ) {}

  /** Ends what is due, or calls `wake` when the first pause ends if that is soon. Times are in milliseconds. Returns whether a pause has
   *  ended. An error is only logged: it must not hold up dispatching, and the next turn tries again. */
  async endDue({ now, pauseEndsAt }: { now: number; pauseEndsAt: number | null }, wake: () => void): Promise<boolean> {
    clearTimeout(this.timer);
    if (pauseEndsAt === null) return false;
    if (pauseEndsAt > now) {
      if (pauseEndsAt - now < SOON_MS) this.timer = setTimeout(wake, Math.ceil(pauseEndsAt - now)).unref();
      return false;
    }
    try {
      await this.endScheduler();
      for (;;) {
        const jobs = await this.dispatcher.endPauses(BATCH);
        for (const { name, pausedUntil } of jobs) this.logger.info({ job: name, until: pausedUntil }, 'pause ended');
        if (jobs.length < BATCH) return true;
      }
    } catch (error) {
      this.logger.error({ err: error }, 'pauses not ended');
      return false;
    }
  }

  private async endScheduler(): Promise<void> {
    const until = await this.database.transaction(async (tx) => {
      const ended = await endSchedulerPause(tx);
      if (!ended) return null;
      const change = { before: { paused: true }, after: { paused: false } };
      await audit(tx, ENDED_BY_ITSELF, { action: 'scheduler.resume', target: 'scheduler', job: null, ...change });
      await notify(tx, 'jobs');
      await notify(tx, 'runs');
      return ended;
    });
    if (until) this.logger.info({ until }, 'pause of the scheduler ended');
  }
}

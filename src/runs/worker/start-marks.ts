import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { markStarted } from '../lifecycle/settle-runs.js';
import { Attempts } from './attempts.js';

/** Most runs that were claimed ahead have ended by then. */
const MARK_AFTER_MS = 100;

/** Writes down that runs which were claimed ahead have started, once for all that run longer than a moment. Until then the database
 *  takes them for claimed and not started. */
@Injectable()
export class StartMarks {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly attempts: Attempts,
    private readonly logger: PinoLogger,
  ) {}

  /** To be called when such a run has started. */
  writeSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.write();
    }, MARK_AFTER_MS).unref();
  }

  private async write(): Promise<void> {
    const unmarked = this.attempts.holding.filter(({ claimedAhead }) => claimedAhead);
    if (unmarked.length === 0) return;
    try {
      await this.database.transaction((tx) => markStarted(tx, unmarked));
      for (const run of unmarked) run.claimedAhead = false;
    } catch (error) {
      this.logger.warn({ err: error }, 'starts of runs not written');
      this.writeSoon();
    }
  }
}

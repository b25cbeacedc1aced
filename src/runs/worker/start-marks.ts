import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { markStarted } from '../lifecycle/settle-runs.js';
import { Attempts } from './attempts.js';

/** Most runs that were claimed ahead have ended by then, and need no mark. */
const MARK_AFTER_MS = 100;
/** The next try after a failed one. */
const RETRY_MS = 1_000;

/** Removes the mark `claimed_ahead` from runs that have started, 100 ms later and all together. Until then a dead
 *  process counts as not having started them: they go back without an interruption. That is why runs with
 *  `onInterruption: fail` are never claimed ahead. */
@Injectable()
export class StartMarks {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly attempts: Attempts,
    private readonly logger: PinoLogger,
  ) {}

  /** Call this when a run that was claimed ahead has started. */
  writeSoon(): void {
    this.writeIn(MARK_AFTER_MS);
  }

  private writeIn(ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.write();
    }, ms).unref();
  }

  private async write(): Promise<void> {
    const unmarked = this.attempts.holding.filter(({ claimedAhead }) => claimedAhead);
    if (unmarked.length === 0) return;
    try {
      await this.database.transaction((tx) => markStarted(tx, unmarked));
      for (const run of unmarked) run.claimedAhead = false;
    } catch (error) {
      this.logger.warn({ err: error }, 'starts of runs not written');
      this.writeIn(RETRY_MS);
    }
  }
}

import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { rows } from '../../database/transaction.js';
import { DirectSession } from '../../replicas/direct-session.js';
import { Attempts } from './attempts.js';
import { CancelledError } from '../lifecycle/run-errors.js';

/** Aborts the attempts of this process whose runs have been cancelled by a request or a dispatch, on any replica. The
 *  notification `cancel` makes it fast. The poll each second finds the ones whose notification was lost. */
@Injectable()
export class Cancellations {
  readonly loop = new Loop({
    everyMs: 1_000,
    turn: () => this.abortCancelled(),
    failed: (error) => this.logger.error({ err: error }, 'cancellations not polled'),
  });

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly attempts: Attempts,
    private readonly logger: PinoLogger,
    session: DirectSession,
  ) {
    session.onNotification('cancel', () => this.loop.wake());
  }

  private async abortCancelled(): Promise<void> {
    const active = this.attempts.runs.map(({ id }) => id);
    if (active.length === 0) return;
    const cancelled = await this.database.transaction((tx) =>
      rows<{ id: string }>(tx, 'SELECT id FROM runs WHERE id = ANY($1) AND cancel_requested_at IS NOT NULL', [active]),
    );
    const ids = new Set(cancelled.map(({ id }) => id));
    this.attempts.abort(new CancelledError(), ({ id }) => ids.has(id));
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { rows } from '../database/transaction.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { DirectSession } from './direct-session.js';
import { Replicas } from './replicas.js';
import { type Sighting, Watch } from './watch.js';

/** Detects replicas that are gone and deletes their rows. Their running runs then belong to no replica, and the
 *  reconciler takes them over. */
@Injectable()
export class LostReplicas {
  private readonly watch = new Watch();

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly replicas: Replicas,
    session: DirectSession,
  ) {
    // Whatever ends our session usually ends those of other replicas too, and some of them may take longer to
    // reconnect.
    session.onLost(() => this.watch.interrupt(performance.now()));
  }

  /** Counts as a poll that found no other replica, so that there is no gap before the first poll that finds one. */
  seeNobody(): void {
    this.watch.observe([], performance.now());
  }

  /** Deletes the replicas whose lock is free in two polls in a row, or whose heartbeat has not changed for 10 s of
   *  polling. Returns their names. */
  async removeLost(): Promise<string[]> {
    const seen = await this.pollPeers();
    const numbers = new Set(this.watch.observe(seen, performance.now()));
    const lost = seen.filter(({ number }) => numbers.has(number));
    if (lost.length === 0) return [];
    return this.database.transaction(async (tx) => {
      // A replica that has written a heartbeat since the poll is alive. The DELETE waits for claims and direct starts of
      // that replica, which hold its row FOR KEY SHARE, so their runs are among its orphans.
      const removed = await rows<{ name: string }>(
        tx,
        `DELETE FROM replicas USING unnest($1::int[], $2::timestamptz[]) AS lost (number, seen_at)
         WHERE replicas.number = lost.number AND replicas.seen_at = lost.seen_at RETURNING name`,
        [lost.map(({ number }) => number), lost.map(({ seenAt }) => seenAt)],
      );
      return removed.map(({ name }) => name);
    });
  }

  /** One statement without a transaction, since it is sent 150 times a minute. */
  private pollPeers(): Promise<Sighting[]> {
    const { DATABASE_SCHEMA } = this.environment;
    // A free lock proves nothing within 10 s after a restart of the server, which frees all locks, and for a replica
    // that has just started and may not hold its lock yet. The lock is tried in shared mode, so that replicas which
    // poll at the same time do not take each other's attempt for the lock of a live replica. It is held only until the
    // end of the statement.
    return this.database.statement<Sighting>(
      `SELECT number, seen_at AS "seenAt", pg_postmaster_start_time() < statement_timestamp() - interval '10 s'
         AND started_at < statement_timestamp() - interval '1 s'
         AND pg_try_advisory_xact_lock_shared(hashtext($1), number) AS free
       FROM "${DATABASE_SCHEMA}".replicas WHERE number <> $2`,
      [DATABASE_SCHEMA, this.replicas.number],
    );
  }
}

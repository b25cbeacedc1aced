import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { SCHEDULER_APPLICATION } from '../database/data-source.js';
import { rows } from '../database/transaction.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { DirectSession } from './direct-session.js';
import { Replicas } from './replicas.js';
import { type Sighting, Watch } from './watch.js';

/** The heartbeat of this process is written every 2 s. If none was confirmed for longer than this, its writes hang. */
const MAX_UNWRITTEN_MS = 4_000;

/**
 * Detects replicas that are gone and deletes their rows. Their running runs then belong to no replica, and the
 * reconciler takes them over.
 *
 * A verdict needs proof that the replica could have shown itself (see docs/adr/0027). So nothing counts while this
 * process cannot write heartbeats itself, nor within 10 s after that.
 */
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

  /** Deletes the replicas that have neither a lock nor a connection in two polls in a row, and those whose heartbeat has
   *  not changed for 10 s of polling. Returns their names. */
  async removeLost(): Promise<string[]> {
    const seen = await this.pollPeers();
    if (performance.now() - this.replicas.writtenAt > MAX_UNWRITTEN_MS) this.watch.interrupt(performance.now());
    const numbers = new Set(this.watch.observe(seen, performance.now()));
    const lost = seen.filter(({ number }) => numbers.has(number));
    if (lost.length === 0) return [];
    return this.database.transaction(async (tx) => {
      // A replica that has written a heartbeat since the poll is alive. The DELETE waits for claims and direct starts of
      // that replica, which hold its row FOR KEY SHARE, so their runs are among its orphans. A process that has itself
      // been declared dead removes nobody.
      const removed = await rows<{ name: string }>(
        tx,
        `DELETE FROM replicas USING unnest($1::int[], $2::timestamptz[]) AS lost (number, seen_at)
         WHERE replicas.number = lost.number AND replicas.seen_at = lost.seen_at
           AND EXISTS (SELECT FROM replicas WHERE number = $3) RETURNING name`,
        [lost.map(({ number }) => number), lost.map(({ seenAt }) => seenAt), this.replicas.number],
      );
      return removed.map(({ name }) => name);
    });
  }

  /** One statement without a transaction, since it is sent 150 times a minute. */
  private pollPeers(): Promise<Sighting[]> {
    const { DATABASE_SCHEMA } = this.environment;
    return this.database.statement<Sighting>(
      `SELECT number, seen_at AS "seenAt",
         CASE WHEN connections IS NULL OR ${justStarted} OR NOT ${lockIsFree} THEN false ELSE ${noneConnected} END AS gone
       FROM "${DATABASE_SCHEMA}".replicas WHERE number <> $2`,
      [DATABASE_SCHEMA, this.replicas.number, SCHEDULER_APPLICATION],
    );
  }
}

// A free lock proves nothing within 10 s after a restart of the server, which frees all locks, and for a replica that has
// just started and may not hold its lock yet.
const justStarted = `(pg_postmaster_start_time() >= statement_timestamp() - interval '10 s'
  OR started_at >= statement_timestamp() - interval '1 s')`;

// The lock is tried in shared mode, so that replicas which poll at the same time do not take each other's attempt for the
// lock of a live replica. It is held only until the end of the statement.
const lockIsFree = 'pg_try_advisory_xact_lock_shared(hashtext($1), number)';

// Whether the replica has no connection of its scheduler pool, although it could open one: the server, the database and
// the role have connections left. It must also see its own connections. Otherwise the list is not complete, or a pooler
// renames them. Sessions of other roles hide their type, so every session of a database counts as a client.
const noneConnected = `(
  SELECT count(*) FILTER (WHERE application_name = replicas.connections) = 0
    AND count(*) FILTER (WHERE application_name = $3) > 0
    AND count(*) < current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true)::int, 0)
    AND NOT EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0
      AND datconnlimit <= (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()))
    AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0
      AND rolconnlimit <= (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user))
  FROM pg_stat_activity WHERE datid IS NOT NULL)`;

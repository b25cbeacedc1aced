import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { rows } from '../database/transaction.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { DirectSession } from './direct-session.js';
import { Replicas } from './replicas.js';
import { type Sighting, Watch } from './watch.js';

/** Notices replicas that are gone, and deletes their rows, which makes their running runs orphans. */
@Injectable()
export class LostReplicas {
  private readonly watch = new Watch();

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly replicas: Replicas,
    session: DirectSession,
  ) {
    // What cuts our session usually cuts the others' too, and some of them take long to reconnect.
    session.onLost(() => this.watch.interrupt(performance.now()));
  }

  /** Counts as a poll that saw nobody, so that the first sight of a new peer does not follow a gap. */
  seeNobody(): void {
    this.watch.observe([], performance.now());
  }

  /** Deletes the replicas whose lock is free at two polls in a row, or that gave no sign of life for 10 s of polling. Returns their names. */
  async removeLost(): Promise<string[]> {
    const seen = await this.pollPeers();
    const numbers = new Set(this.watch.observe(seen, performance.now()));
    const lost = seen.filter(({ number }) => numbers.has(number));
    if (lost.length === 0) return [];
    return this.database.transaction(async (tx) => {
      // A replica that has given a sign of life since then lives.
      const removed = await rows<{ name: string }>(
        tx,
        `DELETE FROM replicas USING unnest($1::int[], $2::timestamptz[]) AS lost (number, seen_at)
         WHERE replicas.number = lost.number AND replicas.seen_at = lost.seen_at RETURNING name`,
        [lost.map(({ number }) => number), lost.map(({ seenAt }) => seenAt)],
      );
      return removed.map(({ name }) => name);
    });
  }

  /** A single statement outside a transaction, since it is sent 150 times a minute. */
  private pollPeers(): Promise<Sighting[]> {
    const { DATABASE_SCHEMA } = this.environment;
    // A restart of the server frees all locks, and a new replica does not hold its lock yet.
    return this.database.statement<Sighting>(
      `SELECT number, seen_at AS "seenAt", pg_postmaster_start_time() < statement_timestamp() - interval '10 s'
         AND started_at < statement_timestamp() - interval '1 s'
         AND pg_try_advisory_xact_lock_shared(hashtext($1), number) AS free
       FROM "${DATABASE_SCHEMA}".replicas WHERE number <> $2`,
      [DATABASE_SCHEMA, this.replicas.number],
    );
  }
}

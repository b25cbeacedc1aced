import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { rows } from '../database/transaction.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { DirectSession } from './direct-session.js';
import { Replicas } from './replicas.js';
import { type Sighting, Watch } from './watch.js';

/** Notices replicas that are gone, and takes their rows out, so that their runs are orphans. */
@Injectable()
export class LostReplicas {
  private readonly watch = new Watch();

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly replicas: Replicas,
    session: DirectSession,
  ) {
    // Who cuts ours cuts those of others too, as a rule, and some of them take long to come back.
    session.cut = () => this.watch.interrupt(performance.now());
  }

  /** Counts as a look, so that the first one at a new peer is no interruption. */
  seeNobody(): void {
    this.watch.look([], performance.now());
  }

  /** Removes the replicas whose lock is free at two looks, or that gave no sign for 10 s of looking; answers their names. */
  async removeLost(): Promise<string[]> {
    const seen = await this.peers();
    const numbers = new Set(this.watch.look(seen, performance.now()));
    const lost = seen.filter(({ number }) => numbers.has(number));
    if (lost.length === 0) return [];
    return this.database.transaction(async (tx) => {
      // Whoever has given a sign since is there.
      const removed = await rows<{ name: string }>(
        tx,
        `DELETE FROM replicas USING unnest($1::int[], $2::timestamptz[]) AS lost (number, seen_at)
         WHERE replicas.number = lost.number AND replicas.seen_at = lost.seen_at RETURNING name`,
        [lost.map(({ number }) => number), lost.map(({ seenAt }) => seenAt)],
      );
      return removed.map(({ name }) => name);
    });
  }

  /** One statement by itself, since it is asked 150 times a minute. */
  private peers(): Promise<Sighting[]> {
    const { DATABASE_SCHEMA } = this.environment;
    // A restart of the server frees all locks, and a new replica has not got its own yet.
    return this.database.statement<Sighting>(
      `SELECT number, seen_at AS "seenAt", pg_postmaster_start_time() < statement_timestamp() - interval '10 s'
         AND started_at < statement_timestamp() - interval '1 s'
         AND pg_try_advisory_xact_lock_shared(hashtext($1), number) AS free
       FROM "${DATABASE_SCHEMA}".replicas WHERE number <> $2`,
      [DATABASE_SCHEMA, this.replicas.number],
    );
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { rows } from '../database/transaction.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { Replicas } from './replicas.js';

/** Notices replicas that are gone, and takes their rows out, so that their runs are orphans. */
@Injectable()
export class LostReplicas {
  /** Whose lock was free at the last look: one look may fall into a reconnect. */
  private suspects = new Set<number>();

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly replicas: Replicas,
  ) {}

  /** Removes the replicas whose lock is free at two looks or who gave no sign for 10 s; answers their names. */
  async removeLost(): Promise<string[]> {
    const { DATABASE_SCHEMA } = this.environment;
    return this.database.transaction(async (tx) => {
      // A restart of the server frees all locks, so for its first 10 s only the signs of life count.
      const seen = await rows<{ number: number; silent: boolean; free: boolean }>(
        tx,
        `SELECT number, seen_at < statement_timestamp() - interval '10 s' AS silent,
           pg_postmaster_start_time() < statement_timestamp() - interval '10 s'
             AND pg_try_advisory_xact_lock_shared(hashtext($1), number) AS free
         FROM replicas WHERE number <> $2`,
        [DATABASE_SCHEMA, this.replicas.number],
      );
      const lost = seen.filter(({ number, silent, free }) => silent || (free && this.suspects.has(number)));
      this.suspects = new Set(seen.filter(({ free }) => free).map(({ number }) => number));
      if (lost.length === 0) return [];
      const removed = await rows<{ name: string }>(tx, 'DELETE FROM replicas WHERE number = ANY($1) RETURNING name', [
        lost.map(({ number }) => number),
      ]);
      return removed.map(({ name }) => name);
    });
  }
}

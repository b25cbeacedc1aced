import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import type { Suspicion } from '../../replicas/heartbeats.js';
import { Replicas } from '../../replicas/replicas.js';
import { firstIdAtSql } from '../lifecycle/run-ids.js';
import { StartedRuns } from '../worker/started-runs.js';

const RETRY_MS = 1_000;
const MAX_LOGGED = 100;

/** A run that this process has started, and that the database knows nothing or less about. */
interface LostRun {
  id: string;
  startedAt: Date;
  /** False: the row is there, without the attempt or without its end. */
  missing: boolean;
}

/**
 * Notices that the database has lost committed data, and says so: a standby that lagged behind was promoted, or a backup
 * was restored below living replicas (see docs/adr/0030).
 *
 * A heartbeat proves a loss. A loss that is shorter than the time between two heartbeats shows only in the runs that this
 * process has started: after each reconnect it compares them with their rows. A plain restart or crash loses nothing
 * that was committed, and a read-only standby cannot store the row, so neither is reported.
 */
@Injectable()
export class DataLosses implements OnModuleDestroy {
  private readonly closed = new AbortController();
  /** One report at a time, so that no run is counted twice. */
  private reporting: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly replicas: Replicas,
    private readonly started: StartedRuns,
    private readonly logger: PinoLogger,
  ) {
    replicas.onSuspected((suspicion) => {
      this.reporting = this.reporting.then(() => this.report(suspicion));
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.closed.abort();
    await this.reporting;
  }

  /** Retries until the database answers, or until this process ends. Never rejects. */
  private async report(suspicion: Suspicion): Promise<void> {
    while (!this.closed.signal.aborted) {
      try {
        const found = await this.database.transaction((tx) => this.record(tx, suspicion));
        if (found) this.say(found);
        return;
      } catch (error) {
        this.logger.warn({ err: error }, 'not yet known whether the database has lost data');
        await pause(RETRY_MS, undefined, { signal: this.closed.signal, ref: false }).catch(() => {});
      }
    }
  }

  private say({ lost, from, until }: { lost: LostRun[]; from: Date | null; until: Date }): void {
    this.started.markReported(lost.map(({ id }) => id));
    const ids = (missing: boolean) => lost.filter((run) => run.missing === missing).map(({ id }) => id);
    const [missing, undone] = [ids(true), ids(false)];
    this.logger.error(
      {
        from,
        until,
        runsMissing: missing.length,
        attemptsUndone: undone.length,
        missing: missing.slice(0, MAX_LOGGED),
        undone: undone.slice(0, MAX_LOGGED),
      },
      'the database has lost committed data: what happened in this time may be repeated',
    );
  }

  /** Null if nothing is lost. */
  private async record(tx: EntityManager, { lostBeat, from: preserved, until }: Suspicion) {
    const lost = await this.findLost(tx);
    const instants = [...(lostBeat ? [lostBeat] : []), ...lost.map(({ startedAt }) => startedAt)];
    if (instants.length === 0) return null;
    const lostBy = new Date(Math.min(...instants.map(Number)));
    // One replica after the other, so that one fail-over is one row.
    await tx.query('LOCK TABLE data_losses IN SHARE ROW EXCLUSIVE MODE');
    const from = preserved ?? (await rows<{ at: Date }>(tx, newestBefore, [lostBy]))[0]?.at ?? null;
    const missing = lost.filter((run) => run.missing).length;
    const values = [from, until, missing, lost.length - missing];
    const merged = await rows(tx, merge, values);
    if (merged.length === 0) await tx.query(insert, [...values, this.replicas.name]);
    return { lost, from, until };
  }

  private async findLost(tx: EntityManager): Promise<LostRun[]> {
    const started = this.started.recent;
    if (started.length === 0) return [];
    return rows<LostRun>(tx, compare, [
      started.map(({ id }) => id),
      started.map(({ attempt }) => attempt),
      started.map(({ ended }) => ended),
      started.map(({ startedAt }) => startedAt),
    ]);
  }
}

// `attempt` rises with each claim and never falls. A run whose attempt has ended is not `running` under the same number.
const compare = `
  SELECT known.id, runs.id IS NULL AS missing, known."startedAt"
  FROM unnest($1::uuid[], $2::int[], $3::boolean[], $4::timestamptz[]) AS known (id, attempt, ended, "startedAt") LEFT JOIN runs ON runs.id = known.id
  WHERE runs.id IS NULL OR runs.attempt < known.attempt
    OR (known.ended AND runs.attempt = known.attempt AND runs.state = 'running')`;

// Without a heartbeat, the newest run from before anything that is lost says how far the data reach. Later runs may have been created
// after the loss.
const newestBefore = `SELECT queued_at AS at FROM runs WHERE id < ${firstIdAtSql('$1::timestamptz')} ORDER BY id DESC LIMIT 1`;

const merge = `
  UPDATE data_losses SET from_at = least(from_at, $1), until_at = greatest(until_at, $2),
    runs_missing = runs_missing + $3, attempts_undone = attempts_undone + $4
  WHERE id = (SELECT max(id) FROM data_losses
    WHERE coalesce(from_at, '-infinity') <= $2::timestamptz AND until_at >= coalesce($1::timestamptz, '-infinity'))
  RETURNING id`;
const insert = `
  INSERT INTO data_losses (noticed_at, from_at, until_at, runs_missing, attempts_undone, replica)
  VALUES (statement_timestamp(), $1, $2, $3, $4, $5)`;

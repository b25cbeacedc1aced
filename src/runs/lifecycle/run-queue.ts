import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { PgBoss } from 'pg-boss';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { bossOptions, RUNS_QUEUE } from '../../database/queue-schema.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { rows } from '../../database/transaction.js';
import { LOWEST_LIVE_PRIORITY } from './background.js';
import { inTransaction } from './in-transaction.js';
import { notify } from '../../replicas/notify.js';

/** The right to start one attempt of a run; the run row names the one that counts. */
export interface Ticket {
  id: string;
  runId: string;
  /** Workers pass over the tickets of tasks that they cannot run now. */
  task: string;
  priority: number;
  /** Not fetched before this instant of the database's clock. Absent: at once. */
  startAfter?: Date;
}

export type FetchedTicket = Pick<Ticket, 'id' | 'runId' | 'task'>;

/** Tickets in one transaction from which on their number matters to PostgreSQL's plans. */
const MANY = 100;

/** `background`: the tickets whose priority is that of a backfill. */
export type Lane = 'live' | 'background';

/** Delivery by pg-boss, always within the caller's transaction. It never retries, expires or decides. */
@Injectable()
export class RunQueue {
  private readonly boss: PgBoss;
  private readonly schema: string;
  /** The table of tickets, for the reconciler. */
  readonly table: string;
  /** The part of it that holds them. */
  private readonly partition: string;

  constructor(
    @Inject(ENVIRONMENT) environment: Environment,
    private readonly database: SchedulerDatabase,
    logger: PinoLogger,
  ) {
    this.schema = environment.DATABASE_SCHEMA;
    this.table = `${this.schema}_queue.job`;
    this.partition = `${this.table}_common`;
    this.boss = new PgBoss({ ...bossOptions(environment), migrate: false, max: 1 });
    this.boss.on('error', (error) => logger.warn({ err: error }, 'queue connection failed'));
  }

  /** Checks that the queue's schema is of this version; throws otherwise. */
  async start(): Promise<void> {
    await this.boss.start();
  }

  async stop(): Promise<void> {
    await this.boss.stop({ graceful: false });
  }

  async deliver(tx: EntityManager, tickets: Ticket[]): Promise<void> {
    if (tickets.length === 0) return;
    const jobs = tickets.map(({ id, runId, task, priority, startAfter }) => ({
      id,
      data: { runId },
      group: { id: task },
      priority,
      startAfter,
    }));
    await this.boss.insert(RUNS_QUEUE, jobs, { db: inTransaction(tx) });
    if (tickets.length >= MANY) await this.learnSize(tx, tickets.length);
  }

  /** Statistics are mostly taken while the queue is empty; PostgreSQL then goes through all tickets for each that it fetches. */
  private async learnSize(tx: EntityManager, least: number): Promise<void> {
    const known = 'SELECT reltuples < $2 AS outdated FROM pg_class WHERE oid = $1::regclass';
    const [size] = await rows<{ outdated: boolean }>(tx, known, [this.partition, least]);
    // Skipped where another replica is at it: both would wait for each other's transaction.
    if (size!.outdated) await tx.query(`ANALYZE (SKIP_LOCKED) ${this.partition}`);
  }

  /** Milliseconds until the first of those that wait can be fetched, 0 for one that can by now; null: none waits. One statement
   *  by itself, since it is asked over and over. */
  async nextTicketIn(): Promise<number | null> {
    const [row] = await this.database.statement<{ ms: number | null }>(
      `SELECT ceil(1000 * extract(epoch FROM min(start_after) - statement_timestamp()))::float8 AS ms
       FROM ${this.partition} WHERE name = $1 AND state < 'active' AND NOT blocked`,
      [RUNS_QUEUE],
    );
    const { ms } = row!;
    return ms === null ? null : Math.max(0, ms);
  }

  /** Tells the workers of every replica that there is something to fetch. */
  announce(tx: EntityManager): Promise<void> {
    return notify(tx, this.schema, 'runs');
  }

  /** Up to `count` tickets of one lane and of other tasks than these, the highest priority first; other fetchers pass them over
   *  until this transaction ends. */
  async fetch(tx: EntityManager, lane: Lane, count: number, ignoredTasks: string[]): Promise<FetchedTicket[]> {
    const jobs = await this.boss.fetch<{ runId: string }>(RUNS_QUEUE, {
      ...(lane === 'live' ? { minPriority: LOWEST_LIVE_PRIORITY } : { maxPriority: LOWEST_LIVE_PRIORITY - 1 }),
      batchSize: count,
      ignoreGroups: ignoredTasks,
      db: inTransaction(tx),
    });
    return jobs.map(({ id, groupId, data }) => ({ id, runId: data.runId, task: groupId! }));
  }

  async remove(tx: EntityManager, ids: string[]): Promise<void> {
    if (ids.length > 0) await this.boss.deleteJob(RUNS_QUEUE, ids, { db: inTransaction(tx) });
  }
}

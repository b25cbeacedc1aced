import type { INestApplicationContext } from '@nestjs/common';
import { v7 } from 'uuid';
import { rows } from '../../src/database/transaction.js';
import { SchedulerDatabase } from '../../src/database/scheduler-database.js';
import { type Capacity, type Claim, claimRuns } from '../../src/runs/lifecycle/claim-runs.js';
import { createRuns, type RunDraft } from '../../src/runs/lifecycle/create-runs.js';

/** A run of the task `task` that may start at once. */
export const waitingRun = (job: string, written: Partial<RunDraft> = {}): RunDraft => ({
  jobId: v7(),
  job,
  task: 'task',
  kind: 'manual',
  state: 'pending',
  held: false,
  reason: null,
  scheduledAt: new Date(),
  dueAt: new Date(),
  priority: 0,
  timeoutSeconds: 300,
  retry: { limit: 1, delaySeconds: 3600, backoff: 'fixed', maxDelaySeconds: 3600 },
  onInterruption: 'rerun',
  input: {},
  ...written,
});

/** Ten free slots, and ten connections for transactional tasks. */
export const capacityOf = (given: Partial<Capacity> = {}): Capacity => ({
  slots: 10,
  ahead: 0,
  transactional: 10,
  background: { slots: 10, transactional: 10 },
  suspects: 1,
  tasks: ['task'],
  transactionalTasks: [],
  readySince: null,
  ...given,
});

export interface TestReplica {
  number: number;
  name: string;
}

/** The queue as the code of workers reads and writes it. */
export class TestQueue {
  readonly database: SchedulerDatabase;

  constructor(app: INestApplicationContext) {
    this.database = app.get(SchedulerDatabase, { strict: false });
  }

  /** A row of a live worker with these tasks. */
  async replica(name: string, tasks: string[] = ['task'], roles = ['worker']): Promise<TestReplica> {
    const [replica] = await this.sql<TestReplica>(
      `WITH replica AS (
         INSERT INTO replicas (name, app, roles, started_at, seen_at) VALUES ($1, 'test', $3, now(), now()) RETURNING number, name),
       published AS (
         INSERT INTO tasks (replica, joined_as, name, description, transactional, input)
         SELECT number, number, unnest($2::text[]), '', false, '{}' FROM replica)
       SELECT * FROM replica`,
      [name, tasks, roles],
    );
    return replica!;
  }

  /** Creates the runs, with entries that are ready at `readyAt`. Runs that are created together copy the same job. */
  create(drafts: RunDraft[], readyAt = new Date()): Promise<string[]> {
    return this.database.transaction(async (tx) =>
      (await createRuns(tx, readyAt, drafts, drafts[0])).map(({ id }) => id),
    );
  }

  async createOne(draft: RunDraft, readyAt?: Date): Promise<string> {
    const [id] = await this.create([draft], readyAt);
    return id!;
  }

  claim(replica: TestReplica, given: Partial<Capacity> = {}): Promise<Claim> {
    return this.database.transaction((tx) => claimRuns(tx, capacityOf(given), replica));
  }

  /** The jobs of the runs that a claim takes, sorted. */
  async claimJobs(replica: TestReplica, given: Partial<Capacity> = {}): Promise<string[]> {
    return (await this.claim(replica, given)).runs.map(({ job }) => job).toSorted();
  }

  /** The row of a run. */
  async run(id: string): Promise<Record<string, unknown>> {
    const [run] = await this.sql<Record<string, unknown>>('SELECT * FROM runs WHERE id = $1', [id]);
    return run!;
  }

  /** The jobs of the runs that have an entry, sorted; of an entry without a run, its id. */
  async entries(): Promise<string[]> {
    const entries = await this.sql<{ job: string }>(
      'SELECT coalesce(job, run_id::text) AS job FROM run_queue LEFT JOIN runs ON id = run_id',
    );
    return entries.map(({ job }) => job).toSorted();
  }

  /** Runs one statement in the service's schema. */
  sql<T>(statement: string, values: unknown[] = []): Promise<T[]> {
    return this.database.transaction((tx) => rows<T>(tx, statement, values), 60_000);
  }

  /** Removes all runs, entries and replicas. */
  async clear(): Promise<void> {
    await this.sql('TRUNCATE runs, run_queue, replicas CASCADE');
    await this.sql('UPDATE scheduler SET paused = false');
  }
}

import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { FetchedTicket, RunQueue } from './run-queue.js';
import { type Fetched, fetchTickets, type FreeSlots } from './fetch-tickets.js';
import { putBack } from './put-back.js';
import type { RetryPolicy, RunKind } from './run.entity.js';
import type { EndedRun } from './ended-run.js';

/** A run that this process has just set to running. */
export interface ClaimedRun {
  id: string;
  jobId: string;
  job: string;
  task: string;
  kind: RunKind;
  scheduledAt: Date;
  startedAt: Date;
  latenessMs: number;
  attempt: number;
  /** Null: started by the process that made it. */
  ticket: string | null;
  replicaNumber: number;
  replica: string;
  priority: number;
  timeoutSeconds: number;
  retry: RetryPolicy;
  retriesUsed: number;
  onInterruption: 'rerun' | 'fail';
  input: unknown;
}

export interface Claim {
  runs: ClaimedRun[];
  /** The tickets are also those of runs that are no more: behind them others may wait. */
  fetched: Fetched;
  /** Tasks of tickets that were put back. */
  unknownTasks: string[];
  /** Runs whose task nobody has known for too long. */
  ended: EndedRun[];
}

/** Nobody has looked, so some may wait. */
const NOTHING: Fetched = { tickets: [], limited: true, background: null };

/** Fetches tickets for the free slots and sets their runs to running, both or neither. A ticket that no run names is thrown away. */
export async function claimRuns(
  tx: EntityManager,
  queue: RunQueue,
  free: FreeSlots,
  replica: { number: number; name: string },
): Promise<Claim> {
  const fetched = (await mayClaim(tx, replica.number)) ? await fetchTickets(tx, queue, free) : NOTHING;
  const unknown = fetched.tickets.filter(({ task }) => !free.knows(task));
  const ended = await putBack(tx, queue, unknown);
  const known = fetched.tickets.filter(({ task }) => free.knows(task));
  const runs = await startRuns(tx, queue, known, replica);
  return { runs, fetched, unknownTasks: unknown.map(({ task }) => task), ended };
}

/** Not while the scheduler is paused, and not for a process that was taken for dead and has not joined again: it would own nothing. */
export async function mayClaim(tx: EntityManager, replica: number): Promise<boolean> {
  const present = await rows(
    tx,
    'SELECT FROM replicas, scheduler WHERE number = $1 AND NOT paused FOR KEY SHARE OF replicas',
    [replica],
  );
  return present.length > 0;
}

async function startRuns(
  tx: EntityManager,
  queue: RunQueue,
  tickets: FetchedTicket[],
  replica: { number: number; name: string },
): Promise<ClaimedRun[]> {
  if (tickets.length === 0) return [];
  const claimed = await rows<ClaimedRun>(tx, start, [
    tickets.map(({ runId }) => runId),
    tickets.map(({ id }) => id),
    replica.number,
    replica.name,
  ]);
  const used = new Set(claimed.map(({ ticket }) => ticket));
  await queue.remove(
    tx,
    tickets.map(({ id }) => id).filter((id) => !used.has(id)),
  );
  return claimed;
}

// The attempt rises at each claim and never falls, so a number is never used twice.
const start = `
  UPDATE runs SET state = 'running', reason = NULL, attempt = attempt + 1, started_at = clock_timestamp(),
    lateness_ms = COALESCE(lateness_ms, round(1000 * extract(epoch FROM clock_timestamp() - due_at))),
    next_attempt_at = NULL, replica_number = $3, replica = $4
  FROM unnest($1::uuid[], $2::uuid[]) AS fetched (run, ticket)
  WHERE runs.id = fetched.run AND runs.ticket = fetched.ticket AND state IN ('pending', 'retrying')
  RETURNING id, job_id AS "jobId", job, task, kind, scheduled_at AS "scheduledAt", started_at AS "startedAt", lateness_ms AS "latenessMs",
    attempt, runs.ticket, replica_number AS "replicaNumber", replica, priority, timeout_seconds AS "timeoutSeconds",
    retry, retries_used AS "retriesUsed", on_interruption AS "onInterruption", input`;

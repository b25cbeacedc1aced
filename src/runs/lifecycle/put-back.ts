import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { FetchedTicket, RunQueue } from './run-queue.js';
import type { EndedRun } from './ended-run.js';

/** Gives tickets back for others to fetch, since this process does not know their tasks: another build may. A run that nobody
 *  has known for an hour ends `failed`; those are answered. */
export async function putBack(tx: EntityManager, queue: RunQueue, tickets: FetchedTicket[]): Promise<EndedRun[]> {
  if (tickets.length === 0) return [];
  await queue.remove(
    tx,
    tickets.map(({ id }) => id),
  );
  const waiting = await rows<PutBackRun>(tx, giveBack, [
    tickets.map(({ runId }) => runId),
    tickets.map(({ id }) => id),
  ]);
  await queue.deliver(
    tx,
    waiting.flatMap(({ id, ticket, task, priority, later }) =>
      ticket ? [{ id: ticket, runId: id, task, priority, startAfter: later }] : [],
    ),
  );
  return waiting.filter(({ ticket }) => ticket === null);
}

interface PutBackRun extends EndedRun {
  id: string;
  ticket: string | null;
  task: string;
  priority: number;
  later: Date;
}

const hopeless = `queued_at < statement_timestamp() - interval '1 hour'`;
const giveBack = `
  UPDATE runs SET state = CASE WHEN ${hopeless} THEN 'failed' ELSE state END,
    reason = CASE WHEN ${hopeless} THEN 'unknown_task' ELSE reason END,
    error = CASE WHEN ${hopeless} THEN jsonb_build_object('name', 'Error', 'code', 'UNKNOWN_TASK', 'message',
      'For an hour no live worker has known the task "' || task || '"') ELSE error END,
    finished_at = CASE WHEN ${hopeless} THEN statement_timestamp() END,
    next_attempt_at = NULL, ticket = CASE WHEN NOT ${hopeless} THEN gen_random_uuid() END
  FROM unnest($1::uuid[], $2::uuid[]) AS fetched (run, ticket)
  WHERE runs.id = fetched.run AND runs.ticket = fetched.ticket AND state IN ('pending', 'retrying')
  RETURNING id, job, kind, state, reason, runs.ticket, task, priority, statement_timestamp() + interval '5 s' AS later`;

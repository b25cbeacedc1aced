import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { rows } from '../database/transaction.js';
import type { RunQueue } from '../queue/run-queue.js';
import type { RetryPolicy, RunKind } from './run.entity.js';

/** A disposition to be written down: a run to start, or a `skipped` or `missed` row. */
export interface RunDraft {
  jobId: string;
  job: string;
  task: string;
  kind: RunKind;
  state: 'pending' | 'skipped' | 'missed';
  /** Pending without a ticket, until others have ended. */
  held: boolean;
  reason: string | null;
  scheduledAt: Date;
  dueAt: Date;
  priority: number;
  timeoutSeconds: number;
  retry: RetryPolicy;
  onInterruption: 'rerun' | 'fail';
  input: unknown;
  retryOf?: string;
  /** The replica in which it starts with the row; it gets no ticket. */
  startedBy?: { number: number; name: string };
  /** Of a range row: its last instant, and how many there were (null: over 10,000). */
  missed?: { to: Date; count: number | null };
}

/** What one statement writes of inputs, so that each ends well within its timeout, however large they are and however many. */
const MOST_BYTES = 16 * 2 ** 20;

export interface RecordedRun extends RunDraft {
  id: string;
  /** Null: it has not started. */
  startedAt: Date | null;
  latenessMs: number | null;
}

/** Writes rows, with tickets for those to start, and answers those that are new: an occurrence that has one keeps it. */
export async function recordRuns(
  tx: EntityManager,
  queue: RunQueue,
  now: Date,
  drafts: RunDraft[],
): Promise<RecordedRun[]> {
  if (drafts.length === 0) return [];
  // In the order of the drafts, so that lists show it. Lists and prune-runs take the milliseconds for queued_at.
  const ids = drafts.map(() => v7({ msecs: now.getTime() })).toSorted();
  const records = drafts.map((draft, index) => ({
    ...draft,
    id: ids[index]!,
    ticket: draft.state === 'pending' && !draft.held && !draft.startedBy ? v7({ msecs: now.getTime() }) : null,
    startedBy: undefined,
    replicaNumber: draft.startedBy?.number,
    replica: draft.startedBy?.name,
    missedTo: draft.missed?.to,
    missedCount: draft.missed?.count,
  }));
  const tickets = records.flatMap(({ id, ticket, task, priority }) =>
    ticket === null ? [] : [{ id: ticket, runId: id, task, priority }],
  );
  const [written] = await Promise.all([insertAll(tx, now, inParts(records)), queue.deliver(tx, tickets)]);
  const made = new Map(written.map((run) => [run.id, run]));
  await queue.remove(
    tx,
    tickets.flatMap(({ id, runId }) => (made.has(runId) ? [] : [id])),
  );
  return ids.flatMap((id, index) => {
    const run = made.get(id);
    return run ? [{ ...drafts[index]!, ...run }] : [];
  });
}

type Written = Pick<RecordedRun, 'id' | 'startedAt' | 'latenessMs'>;

/** Answers those that are new. */
async function insertAll(tx: EntityManager, now: Date, parts: Part[]): Promise<Written[]> {
  const written: Written[] = [];
  for (const { records, inputs } of parts)
    written.push(...(await rows<Written>(tx, insert, [JSON.stringify(records), now, `[${inputs.join(',')}]`])));
  return written;
}

interface Part {
  /** `input` is a place in `inputs`. */
  records: object[];
  /** JSON; sent once for all runs of a job. */
  inputs: string[];
}

function inParts(records: { input: unknown }[]): Part[] {
  const texts = new Map<unknown, string>();
  const parts: Part[] = [];
  let places = new Map<unknown, number>();
  let bytes = MOST_BYTES;
  for (const { input, ...record } of records) {
    const text = texts.get(input) ?? JSON.stringify(input);
    texts.set(input, text);
    if (bytes + text.length > MOST_BYTES) {
      parts.push({ records: [], inputs: [] });
      [places, bytes] = [new Map(), 0];
    }
    bytes += text.length;
    const part = parts.at(-1)!;
    if (!places.has(input)) places.set(input, part.inputs.push(text) - 1);
    part.records.push({ ...record, input: places.get(input) });
  }
  return parts;
}

const starts = `"replicaNumber" IS NOT NULL`;
const insert = `
  INSERT INTO runs (id, job_id, job, task, kind, state, reason, scheduled_at, due_at, queued_at, finished_at, ticket,
    held, priority, timeout_seconds, retry, on_interruption, input, retry_of, missed_to, missed_count,
    attempt, started_at, lateness_ms, replica_number, replica)
  SELECT id, "jobId", job, task, kind, CASE WHEN ${starts} THEN 'running' ELSE state END, reason, "scheduledAt", "dueAt", $2,
    CASE WHEN state <> 'pending' THEN $2::timestamptz END, ticket, held, priority, "timeoutSeconds", retry, "onInterruption",
    inputs.value, "retryOf", "missedTo", "missedCount",
    (${starts})::int, CASE WHEN ${starts} THEN clock_timestamp() END,
    CASE WHEN ${starts} THEN round(1000 * extract(epoch FROM clock_timestamp() - "dueAt")) END, "replicaNumber", replica
  FROM jsonb_to_recordset($1::jsonb) AS draft (id uuid, "jobId" uuid, job text, task text, kind text, state text,
    reason text, "scheduledAt" timestamptz, "dueAt" timestamptz, ticket uuid, held boolean, priority integer,
    "timeoutSeconds" double precision, retry jsonb, "onInterruption" text, input integer, "retryOf" uuid,
    "missedTo" timestamptz, "missedCount" integer, "replicaNumber" integer, replica text)
    JOIN jsonb_array_elements($3::jsonb) WITH ORDINALITY AS inputs (value, place) ON inputs.place = draft.input + 1
  ORDER BY id
  ON CONFLICT DO NOTHING
  RETURNING id, started_at AS "startedAt", lateness_ms AS "latenessMs"`;

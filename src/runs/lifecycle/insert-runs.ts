import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { Ticket } from './run-queue.js';
import type { Copied, RecordedRun, RunDraft } from './run-draft.js';

/** What one statement writes of inputs, so that each ends well within its timeout, however large they are and however many. */
const MOST_BYTES = 16 * 2 ** 20;

type Written = Pick<RecordedRun, 'id' | 'startedAt' | 'latenessMs'>;

/** Inserts the drafts under these ids, and answers those that are new. */
export async function insertRuns(
  tx: EntityManager,
  now: Date,
  ids: string[],
  drafts: RunDraft[],
  tickets: Ticket[],
  copied?: Copied,
): Promise<Written[]> {
  const starter = drafts.find(({ startedBy }) => startedBy)?.startedBy;
  const ticketOf = new Map(tickets.map(({ id, runId }) => [runId, id]));
  const records = drafts.map(
    ({ jobId, kind, state, held, reason, scheduledAt, dueAt, retryOf, startedBy, missed }, index) => ({
      // What is undefined is not sent, and null there.
      id: ids[index]!,
      jobId,
      kind,
      state: startedBy ? 'running' : state,
      held,
      scheduledAt,
      dueAt,
      retryOf,
      reason: reason ?? undefined,
      ticket: ticketOf.get(ids[index]!),
      missedTo: missed?.to,
      missedCount: missed?.count ?? undefined,
    }),
  );
  const statement = copied ? insertCopies : insertOfJobs;
  const values = [now, starter?.number, starter?.name, ...(copied ? [JSON.stringify(copied)] : [])];
  const written: Written[] = [];
  for (const part of inParts(drafts, records))
    written.push(...(await rows<Written>(tx, statement, [JSON.stringify(part), ...values])));
  return written;
}

/** The records in parts, none with much more of inputs than one statement writes. */
function inParts(drafts: RunDraft[], records: object[]): object[][] {
  const lengths = new Map<unknown, number>();
  const parts: object[][] = [];
  let bytes = MOST_BYTES;
  for (const [index, { input }] of drafts.entries()) {
    const length = lengths.get(input) ?? JSON.stringify(input).length;
    lengths.set(input, length);
    if (bytes + length > MOST_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    bytes += length;
    parts.at(-1)!.push(records[index]!);
  }
  return parts;
}

const insertFrom = (source: string) => `
  INSERT INTO runs (id, job_id, job, task, kind, state, reason, scheduled_at, due_at, queued_at, finished_at, ticket,
    held, priority, timeout_seconds, retry, on_interruption, input, retry_of, missed_to, missed_count,
    attempt, started_at, lateness_ms, replica_number, replica)
  SELECT draft.id, "jobId", source.name, source.task, kind, state, reason, "scheduledAt", "dueAt", $2,
    CASE WHEN state IN ('skipped', 'missed') THEN $2::timestamptz END, ticket, held, source.priority,
    source.timeout_seconds, source.retry, source.on_interruption, source.input, "retryOf", "missedTo", "missedCount",
    (state = 'running')::int, CASE WHEN state = 'running' THEN clock_timestamp() END,
    CASE WHEN state = 'running' THEN round(1000 * extract(epoch FROM clock_timestamp() - "dueAt")) END,
    CASE WHEN state = 'running' THEN $3::integer END, CASE WHEN state = 'running' THEN $4 END
  FROM jsonb_to_recordset($1::jsonb) AS draft (id uuid, "jobId" uuid, kind text, state text, reason text,
    "scheduledAt" timestamptz, "dueAt" timestamptz, ticket uuid, held boolean, "retryOf" uuid,
    "missedTo" timestamptz, "missedCount" integer)
    JOIN ${source}
  ORDER BY draft.id
  ON CONFLICT DO NOTHING
  RETURNING id, started_at AS "startedAt", lateness_ms AS "latenessMs"`;
const insertOfJobs = insertFrom('jobs AS source ON source.id = draft."jobId"');
const insertCopies = insertFrom(`(
  SELECT job AS name, task, priority, "timeoutSeconds" AS timeout_seconds, retry, "onInterruption" AS on_interruption, input
  FROM jsonb_to_record($5::jsonb) AS copied (job text, task text, priority integer, "timeoutSeconds" double precision,
    retry jsonb, "onInterruption" text, input jsonb)) AS source ON true`);

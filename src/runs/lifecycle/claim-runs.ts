import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { RetryPolicy, RunKind } from './run.entity.js';
import { LOWEST_LIVE_PRIORITY } from './run-queue.js';

/** A run that this process has just set to running. */
export interface ClaimedRun {
  id: string;
  jobId: string;
  job: string;
  task: string;
  kind: RunKind;
  scheduledAt: Date;
  dueAt: Date;
  /** When it was claimed, by the database's clock. A run that waits for a slot afterwards starts later. */
  startedAt: Date;
  /** From `dueAt` to the first attempt's start; null: not known before the run has a slot. */
  latenessMs: number | null;
  attempt: number;
  /** Claimed before a slot was free: it has not started yet, and goes back if no slot gets free soon. */
  claimedAhead: boolean;
  replicaNumber: number;
  replica: string;
  priority: number;
  timeoutSeconds: number;
  retry: RetryPolicy;
  retriesUsed: number;
  onInterruption: 'rerun' | 'fail';
  input: unknown;
}

/** How many runs a worker can start, and which. */
export interface Capacity {
  /** Free slots. */
  slots: number;
  /** How many more it may claim ahead; such a run waits in the process for a slot. */
  ahead: number;
  /** How many of the slots may go to transactional tasks, which need a connection each. */
  transactional: number;
  /** How many runs may be in the background, and how many of these transactional. */
  background: { slots: number; transactional: number };
  /** The tasks that this process has. Runs of others are left for other workers. */
  tasks: string[];
  transactionalTasks: string[];
  /** Entries that became ready before this instant are passed over; null: none is. */
  readySince: Date | null;
}

export interface Claim {
  runs: ClaimedRun[];
  /** Whether some of the runs that it found were not its own to take: another worker held their entries, or they were stale. */
  contended: boolean;
  /** Whether more runs of its tasks may wait than it had capacity for. */
  moreWait: boolean;
  /** The same for runs that are not in the background. */
  moreLiveWait: boolean;
}

type ClaimRow = ClaimedRun & Pick<Claim, 'moreWait' | 'moreLiveWait'> & { candidates: number };

/** Claims runs for the free slots: deletes their queue entries and sets them to running, both or neither. */
export async function claimRuns(
  tx: EntityManager,
  capacity: Capacity,
  replica: { number: number; name: string },
): Promise<Claim> {
  const { slots, ahead, transactional, background, tasks, transactionalTasks, readySince } = capacity;
  const claimed = await rows<ClaimRow>(tx, claim, [
    replica.number,
    replica.name,
    slots,
    slots + ahead,
    tasks,
    tasks.map((task) => transactionalTasks.includes(task)),
    transactional,
    background.slots,
    background.transactional,
    readySince ?? '-infinity',
  ]);
  // There is always a row; one without an id where nothing was claimed.
  const { candidates, moreWait, moreLiveWait } = claimed[0]!;
  const runs = claimed.filter(({ id }) => id !== null);
  return { runs, contended: runs.length < candidates, moreWait, moreLiveWait };
}

/** Whether this replica may start runs: not while the scheduler is paused, and not after others took the replica for dead, since it
 *  would own nothing. The replica's row is locked, so that nobody removes it before the transaction ends. */
export async function mayStartRuns(tx: EntityManager, replica: number): Promise<boolean> {
  const present = await rows(tx, mayStart, [replica]);
  return present.length > 0;
}

const mayStart = 'SELECT FROM replicas, scheduler WHERE number = $1 AND NOT paused FOR KEY SHARE OF replicas';

const order = 'priority DESC, ready_at, run_id';
// statement_timestamp() and not clock_timestamp(), which would read the whole index.
const isReady = 'ready_at >= $10 AND ready_at <= statement_timestamp()';

// `ready` reads the head of the queue for each task of this worker, so runs of unknown tasks cost nothing, however many wait. Of
// these, `startable` keeps what the limits allow, the highest priority first. It ends before the first run that needs a slot and
// finds none free, or runs claimed ahead would keep that one waiting for as long as there are any. Nothing is locked so far: `taken`
// locks as many entries of each group as `startable` has, and passes over those that another worker holds. In this way a worker never
// locks more than it takes, and two workers take different entries.
//
// The run is found by its id alone. With `state IN ('pending', 'retrying')` the planner would prefer the partial index of unfinished
// runs, which is slow beside a long history; the condition here says the same and matches no index.
//
// The attempt number rises with each claim and never falls, so that it is never used twice: it fences the end of the attempt.
const claim = `
  WITH allowed AS MATERIALIZED (${mayStart}),
  ready AS (
    SELECT known.task, known.transactional, entry.* FROM unnest($5::text[], $6::boolean[]) AS known (task, transactional),
      LATERAL (
        SELECT priority, ready_at, run_id, exclusive, priority < ${LOWEST_LIVE_PRIORITY} AS background FROM run_queue
        WHERE run_queue.task = known.task AND ${isReady} ORDER BY ${order} LIMIT $4) AS entry
    WHERE EXISTS (SELECT FROM allowed)
  ),
  connected AS (
    SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY transactional ORDER BY ${order}) AS nth,
        row_number() OVER (PARTITION BY transactional, background ORDER BY ${order}) AS nth_of_kind
      FROM ready) AS ranked
    WHERE NOT transactional OR (nth <= $7 AND (NOT background OR nth_of_kind <= $9))
  ),
  startable AS (
    SELECT task, transactional, background, exclusive FROM (
      SELECT *, count(*) FILTER (WHERE exclusive OR transactional) OVER so_far AS in_slots,
        count(*) FILTER (WHERE background) OVER so_far AS in_background
      FROM connected WINDOW so_far AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)) AS counted
    WHERE in_slots <= $3 AND (NOT background OR in_background <= $8)
    ORDER BY ${order} LIMIT $4
  ),
  groups AS (
    SELECT task, transactional, background, exclusive, count(*) AS wanted FROM startable GROUP BY 1, 2, 3, 4
  ),
  taken AS (
    DELETE FROM run_queue WHERE ctid = ANY (ARRAY(
      SELECT entry.ctid FROM groups, LATERAL (
        SELECT run_queue.ctid FROM run_queue
        WHERE run_queue.task = groups.task AND ${isReady} AND run_queue.exclusive = groups.exclusive
          AND (priority < ${LOWEST_LIVE_PRIORITY}) = groups.background
        ORDER BY ${order} LIMIT groups.wanted FOR UPDATE SKIP LOCKED) AS entry))
    RETURNING run_id, task, priority, ready_at, exclusive
  ),
  placed AS (
    SELECT run_id, row_number() OVER (ORDER BY exclusive OR transactional DESC, ${order}) > $3 AS ahead
    FROM (SELECT *, task IN (SELECT task FROM groups WHERE transactional) AS transactional FROM taken) AS entry
  ),
  claimed AS (
    UPDATE runs SET state = 'running', reason = NULL, attempt = attempt + 1, started_at = clock_timestamp(),
      claimed_ahead = placed.ahead, next_attempt_at = NULL, replica_number = $1, replica = $2,
      lateness_ms = CASE WHEN lateness_ms IS NOT NULL OR placed.ahead THEN lateness_ms
        ELSE round(1000 * extract(epoch FROM clock_timestamp() - due_at)) END
    FROM placed WHERE runs.id = placed.run_id AND runs.state <> 'running' AND runs.finished_at IS NULL
    RETURNING id, job_id AS "jobId", job, task, kind, scheduled_at AS "scheduledAt", due_at AS "dueAt",
      started_at AS "startedAt", lateness_ms AS "latenessMs", attempt, claimed_ahead AS "claimedAhead",
      replica_number AS "replicaNumber", replica, priority, timeout_seconds AS "timeoutSeconds", retry,
      retries_used AS "retriesUsed", on_interruption AS "onInterruption", input
  )
  SELECT claimed.*, total AS candidates,
    total >= $4 OR total < (SELECT count(*) FROM ready) AS "moreWait",
    live >= $4 OR live < (SELECT count(*) FROM ready WHERE NOT background) AS "moreLiveWait"
  FROM (SELECT count(*)::int AS total, count(*) FILTER (WHERE NOT background) AS live FROM startable) AS counted
    LEFT JOIN claimed ON true`;

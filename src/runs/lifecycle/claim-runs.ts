import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { RetryPolicy, RunKind } from './run.entity.js';
import { LOWEST_LIVE_PRIORITY } from './run-queue.js';
import { isSchedulerPaused } from './scheduler-paused.js';

/** A run that this process has just set to running. */
export interface ClaimedRun {
  id: string;
  jobId: string;
  job: string;
  task: string;
  kind: RunKind;
  scheduledAt: Date;
  dueAt: Date;
  /** When this process claimed it, by the database's clock. A run that was claimed ahead gets a later start when it has
   *  a slot. */
  startedAt: Date;
  /** From `dueAt` to the start of the first attempt. Null while the run waits for a slot. */
  latenessMs: number | null;
  attempt: number;
  /** True for a run that was claimed before a slot was free. It has not started, and goes back to the queue if no slot
   *  becomes free soon. */
  claimedAhead: boolean;
  /** True for a run that two lost processes were running. If this process is lost too, the run ends as `poison`. */
  suspect: boolean;
  replicaNumber: number;
  replica: string;
  priority: number;
  timeoutSeconds: number;
  retry: RetryPolicy;
  retriesUsed: number;
  onInterruption: 'rerun' | 'fail';
  input: unknown;
  /** For a retry: the key of the run that it repeats. Null: see idempotencyKeyOf. */
  idempotencyKey: string | null;
}

/** How many runs a worker can start, and of which tasks. */
export interface Capacity {
  /** Free slots. */
  slots: number;
  /** How many more runs it may claim ahead. Such a run waits in the process for a slot. */
  ahead: number;
  /** How many of the slots may go to transactional tasks. Each of these needs a database connection of its own. */
  transactional: number;
  /** How many of the runs may be background runs, and how many of these may be transactional. */
  background: { slots: number; transactional: number };
  /** How many of the runs may be suspects, see MAX_INTERRUPTIONS. */
  suspects: number;
  /** The tasks that this process has. It leaves the runs of other tasks to other workers. */
  tasks: string[];
  transactionalTasks: string[];
  /** The claim ignores entries that became ready before this instant. Null: it ignores none. */
  readySince: Date | null;
}

export interface Claim {
  runs: ClaimedRun[];
  /** True if the claim found entries and did not get all of them: another worker had locked them, or they were stale. */
  contended: boolean;
  /** True if more runs of these tasks may be waiting than the capacity allowed. */
  moreWait: boolean;
  /** The same, for runs that are not background runs. */
  moreLiveWait: boolean;
}

type ClaimRow = ClaimedRun & Pick<Claim, 'moreWait' | 'moreLiveWait'> & { candidates: number };

/**
 * Claims runs: deletes their queue entries and sets the runs to `running`, in one statement.
 *
 * If the process dies before the commit, nothing has happened. If it dies after the commit and before the task starts,
 * the runs are `running` on a replica that is gone, and the reconciler takes them over. If only the reply to the commit
 * is lost, the reconciler of this process finds `running` runs that it does not execute, and puts them back.
 */
export async function claimRuns(
  tx: EntityManager,
  capacity: Capacity,
  replica: { number: number; name: string },
): Promise<Claim> {
  const { slots, ahead, transactional, background, suspects, tasks, transactionalTasks, readySince } = capacity;
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
    suspects,
  ]);
  // The statement always returns a row. If nothing was claimed, it has no id.
  const { candidates, moreWait, moreLiveWait } = claimed[0]!;
  const runs = claimed.filter(({ id }) => id !== null);
  return { runs, contended: runs.length < candidates, moreWait, moreLiveWait };
}

/** Whether this replica may start runs. It may not while the scheduler is paused, and not after others have declared it
 *  dead and deleted its row: a run that it then started would belong to no replica. */
export async function mayStartRuns(tx: EntityManager, replica: number): Promise<boolean> {
  const present = await rows(tx, mayStart, [replica]);
  return present.length > 0;
}

// FOR KEY SHARE conflicts with the DELETE of the replica's row, so whichever of the two comes second waits for the
// other. It does not conflict with the heartbeat, which updates the same row but no key. The scheduler's row is not
// locked: a claim that began just before a pause may commit just after it.
const mayStart = `SELECT FROM replicas, scheduler WHERE number = $1 AND NOT ${isSchedulerPaused('scheduler')}
  FOR KEY SHARE OF replicas`;

const order = 'priority DESC, ready_at, run_id';
// statement_timestamp() is constant within a statement, so it can bound an index scan. clock_timestamp() would read the
// whole index.
const isReady = 'ready_at >= $10 AND ready_at <= statement_timestamp()';

const entry = `priority, ready_at, run_id, exclusive, suspect, priority < ${LOWEST_LIVE_PRIORITY} AS background
  FROM run_queue`;

// The steps of the statement:
// - `ready` reads the first entries of the queue for each task of this worker. Runs of tasks that it does not have cost
//   nothing, however many of them wait. Of suspects it reads two: one that may start, and whether another waits.
// - `connected` and `startable` keep the entries that the limits allow, the highest priority first. They end
//   before the first run that needs a slot and finds none free. Otherwise runs claimed ahead would take every slot that
//   becomes free, and keep that run waiting. No entry is locked up to here.
// - `taken` locks and deletes as many entries of each group as `startable` has. SKIP LOCKED passes over the entries
//   that another worker is claiming, so workers never wait for each other, and none locks more than it takes.
// - `placed` numbers the runs: the first ones get the free slots, the others are claimed ahead. Transactional,
//   suspect and exclusive runs come first, since they are never claimed ahead.
// - `claimed` updates the runs. Entries are locked before runs (see run-queue). An entry whose run may not start is
//   deleted without effect.
//
// The UPDATE finds the run by its id alone. With `state IN ('pending', 'retrying')` the planner would prefer the
// partial index of unfinished runs, which is slow when the history is long. The condition here means the same and
// matches no index.
//
// `attempt` rises with each claim and never falls. It is the fence: only the attempt with the current number can settle
// the run.
const claim = `
  WITH allowed AS MATERIALIZED (${mayStart}),
  ready AS (
    SELECT known.task, known.transactional, entry.* FROM unnest($5::text[], $6::boolean[]) AS known (task, transactional),
      LATERAL (
        (SELECT ${entry} WHERE run_queue.task = known.task AND NOT suspect AND ${isReady} ORDER BY ${order} LIMIT $4)
        UNION ALL
        (SELECT ${entry} WHERE run_queue.task = known.task AND suspect AND ${isReady} ORDER BY ${order} LIMIT 2)) AS entry
    WHERE EXISTS (SELECT FROM allowed)
  ),
  connected AS (
    SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY transactional ORDER BY ${order}) AS nth,
        row_number() OVER (PARTITION BY transactional, background ORDER BY ${order}) AS nth_of_kind,
        row_number() OVER (PARTITION BY suspect ORDER BY ${order}) AS nth_of_suspects
      FROM ready) AS ranked
    WHERE (NOT transactional OR (nth <= $7 AND (NOT background OR nth_of_kind <= $9)))
      AND (NOT suspect OR nth_of_suspects <= $11)
  ),
  startable AS (
    SELECT task, transactional, background, exclusive, suspect FROM (
      SELECT *, count(*) FILTER (WHERE exclusive OR suspect OR transactional) OVER so_far AS in_slots,
        count(*) FILTER (WHERE background) OVER so_far AS in_background
      FROM connected WINDOW so_far AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)) AS counted
    WHERE in_slots <= $3 AND (NOT background OR in_background <= $8)
    ORDER BY ${order} LIMIT $4
  ),
  groups AS (
    SELECT task, transactional, background, exclusive, suspect, count(*) AS wanted FROM startable GROUP BY 1, 2, 3, 4, 5
  ),
  taken AS (
    DELETE FROM run_queue WHERE ctid = ANY (ARRAY(
      SELECT entry.ctid FROM groups, LATERAL (
        SELECT run_queue.ctid FROM run_queue
        WHERE run_queue.task = groups.task AND ${isReady} AND run_queue.exclusive = groups.exclusive
          AND run_queue.suspect = groups.suspect AND (priority < ${LOWEST_LIVE_PRIORITY}) = groups.background
        ORDER BY ${order} LIMIT groups.wanted FOR UPDATE SKIP LOCKED) AS entry))
    RETURNING run_id, task, priority, ready_at, exclusive, suspect
  ),
  placed AS (
    SELECT run_id, suspect, row_number() OVER (ORDER BY exclusive OR suspect OR transactional DESC, ${order}) AS nth
    FROM (SELECT *, task IN (SELECT task FROM groups WHERE transactional) AS transactional FROM taken) AS entry
  ),
  claimed AS (
    UPDATE runs SET state = 'running', reason = NULL, attempt = attempt + 1, started_at = clock_timestamp(),
      claimed_ahead = nth > $3, next_attempt_at = NULL, replica_number = $1, replica = $2,
      lateness_ms = CASE WHEN lateness_ms IS NOT NULL OR nth > $3 THEN lateness_ms
        ELSE round(1000 * extract(epoch FROM clock_timestamp() - due_at)) END
    FROM (SELECT * FROM placed ORDER BY run_id) AS placed
    WHERE runs.id = placed.run_id AND runs.state <> 'running' AND runs.finished_at IS NULL
    RETURNING id, job_id AS "jobId", job, task, kind, scheduled_at AS "scheduledAt", due_at AS "dueAt",
      started_at AS "startedAt", lateness_ms AS "latenessMs", attempt, claimed_ahead AS "claimedAhead",
      replica_number AS "replicaNumber", replica, priority, timeout_seconds AS "timeoutSeconds", retry,
      retries_used AS "retriesUsed", on_interruption AS "onInterruption", input,
      idempotency_key AS "idempotencyKey", suspect, nth
  )
  SELECT claimed.*, total AS candidates,
    total >= $4 OR total < (SELECT count(*) FROM ready) AS "moreWait",
    live < (SELECT count(*) FROM ready WHERE NOT background AND NOT transactional AND NOT suspect) OR total >= $4 AS "moreLiveWait"
  FROM (SELECT count(*)::int AS total, count(*) FILTER (WHERE NOT background AND NOT transactional AND NOT suspect) AS live
    FROM startable) AS counted
    LEFT JOIN claimed ON true
  ORDER BY claimed.nth`;

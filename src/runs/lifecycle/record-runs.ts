import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import type { RunQueue } from './run-queue.js';
import { insertRuns } from './insert-runs.js';
import type { Copied, RecordedRun, RunDraft } from './run-draft.js';

/** Writes rows, with tickets for those to start, and answers those that are new: an occurrence that has one keeps it. `copied` is
 *  what all of them have; without it each has what its job's row has, which the transaction has locked. */
export async function recordRuns(
  tx: EntityManager,
  queue: RunQueue,
  now: Date,
  drafts: RunDraft[],
  copied?: Copied,
): Promise<RecordedRun[]> {
  if (drafts.length === 0) return [];
  // In the order of the drafts, so that lists show it. Lists and prune-runs take the milliseconds for queued_at.
  const ids = drafts.map(() => v7({ msecs: now.getTime() })).toSorted();
  const tickets = drafts.flatMap(({ state, held, startedBy, task, priority }, index) =>
    state === 'pending' && !held && !startedBy
      ? [{ id: v7({ msecs: now.getTime() }), runId: ids[index]!, task, priority }]
      : [],
  );
  const [written] = await Promise.all([insertRuns(tx, now, ids, drafts, tickets, copied), queue.deliver(tx, tickets)]);
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

import { attemptEvidence, iso, pauseEvidence, runEvidence } from './explain-evidence.js';
import { type Facts, type RowFacts, versionAt } from './explain-facts.js';
import { BACKFILL, type Evidence, type Judgement } from './explain.view.js';

/** A start that is later than this is worth an explanation. */
const LATE_MS = 5_000;

/** An instant that has a row: the row says what became of it. */
export function verdictOfRow(facts: Facts, row: RowFacts): Judgement {
  const evidence = [runEvidence(row)];
  if (row.reason === 'paused' && row.state === 'skipped')
    return {
      verdict: 'paused',
      because:
        facts.pauses.some(({ isOfJob }) => isOfJob) || facts.pauses.length === 0
          ? 'The job was paused.'
          : 'The whole scheduler was paused.',
      evidence: [...evidence, ...facts.pauses.map(pauseEvidence)],
      remedy: `Give a pause an end (until), so that it does not outlast its reason. ${BACKFILL}`,
    };
  if (row.state === 'skipped') return skipped(facts, row, evidence);
  if (row.state === 'missed')
    return {
      verdict: 'missed',
      because: `No scheduler dispatched it within its grace period. It was noticed at ${iso(row.queuedAt)}, and the misfire policy did not catch up with it.`,
      evidence,
      remedy: `Set misfire to once or all to catch up, or a longer graceSeconds. ${BACKFILL}`,
    };
  return ran(row, evidence);
}

function skipped({ blockedBy, versions, at }: Facts, row: RowFacts, evidence: Evidence[]): Judgement {
  const overlap = versionAt(versions, at)?.overlap ?? 'skip';
  const ended =
    blockedBy && (blockedBy.finishedAt ? `ended at ${iso(blockedBy.finishedAt)}` : `is still ${blockedBy.state}`);
  const blocked: Evidence[] = blockedBy
    ? [
        {
          code: 'blocked_by',
          text: `The run of ${iso(blockedBy.scheduledAt)} ${ended}.`,
          run: blockedBy.id,
          at: blockedBy.scheduledAt,
        },
      ]
    : [];
  const because =
    row.reason === 'replaced'
      ? 'A later occurrence was due at the same time and replaced it before it could start.'
      : `${blockedBy ? `Run ${blockedBy.id}` : 'Another run of the job'} was still unfinished, and the overlap of the job was "${overlap}".`;
  const remedy = `Set overlap to queue or allow, or a longer interval. ${BACKFILL}`;
  return { verdict: 'skipped', because, evidence: [...evidence, ...blocked], remedy };
}

function ran(row: RowFacts, evidence: Evidence[]): Judgement {
  const all = [...evidence, ...attemptEvidence(row)];
  const how = row.finishedAt ? `ended as ${row.state} at ${iso(row.finishedAt)}` : `is ${row.state}`;
  const isLate = row.latenessMs === null ? row.startedAt === null : row.latenessMs > LATE_MS;
  if (row.finishedAt && row.startedAt === null)
    return {
      verdict: 'cancelled',
      because: `Its run ${how} before it could start${row.reason ? `, reason ${row.reason}` : ''}.`,
      evidence: all,
      remedy: BACKFILL,
    };
  if (!isLate && row.attempts.length === 0)
    return {
      verdict: 'ran',
      because: `It started at ${row.startedAt ? iso(row.startedAt) : 'once'} and ${how}.`,
      evidence: all,
      remedy: null,
    };
  const started = row.startedAt
    ? `Its last attempt started at ${iso(row.startedAt)} and it ${how}`
    : 'It has not started yet';
  return { verdict: 'late', because: `${started}: ${causeOfDelay(row)}.`, evidence: all, remedy: remedyOfDelay(row) };
}

function causeOfDelay(row: RowFacts): string {
  const lost = row.attempts.findLast(
    ({ code, state }) => code === 'WORKER_LOST' || state === 'interrupted' || code === 'worker_lost',
  );
  if (lost) return `attempt ${lost.number} was lost with its replica ${lost.replica ?? ''}`.trim();
  if (row.attempts.length > 0) return `${row.attempts.length} earlier attempts did not succeed, and it was tried again`;
  if (row.kind === 'catch_up')
    return `no scheduler dispatched it in time, and it was caught up at ${iso(row.queuedAt)}`;
  if (row.held) return 'it waits until another run of the job has ended';
  const queuedMs = row.queuedAt.getTime() - row.dueAt.getTime();
  if (queuedMs > LATE_MS)
    return `it was dispatched only at ${iso(row.queuedAt)}, ${Math.round(queuedMs / 1000)} s after it was due`;
  return 'it waited in the queue for a free slot, or for another run of the job';
}

function remedyOfDelay(row: RowFacts): string {
  if (row.attempts.length > 0) return 'GET /runs/{id} has the error of each attempt.';
  if (row.kind === 'catch_up') return 'Run a second scheduler, so that an outage of one delays nothing.';
  return 'Raise WORKER_CONCURRENCY or add workers, or give the job a higher priority. GET /runs/{id} says in waitsFor what a run waits for.';
}

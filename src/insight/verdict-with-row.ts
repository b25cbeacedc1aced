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
  if (row.state === 'missed') return missed(facts, row, evidence);
  return ran(row, evidence);
}

function missed({ versions, at }: Facts, row: RowFacts, evidence: Evidence[]): Judgement {
  const misfire = versionAt(versions, at)?.misfire;
  const policy = misfire
    ? `: policy ${misfire.policy}, graceSeconds ${misfire.graceSeconds}, maxCatchUp ${misfire.maxCatchUp}`
    : '';
  return {
    verdict: 'missed',
    because: `No scheduler dispatched it before ${iso(row.queuedAt)}, and the misfire policy of the job then left it out${policy}.`,
    evidence,
    remedy: `Set the misfire policy to once or all, or a longer graceSeconds, or a higher maxCatchUp. ${BACKFILL}`,
  };
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
  const better = overlap === 'queue' ? 'allow' : 'queue or allow';
  const remedy = `Set overlap to ${better}, or a longer interval. ${BACKFILL}`;
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
  const repeated = repeatedAttempts(row);
  if (row.startedAt && !isLate && repeated.length === 0)
    return { verdict: 'ran', because: `It started at ${iso(row.startedAt)} and ${how}.`, evidence: all, remedy: null };
  const started = row.startedAt
    ? `Its last attempt started at ${iso(row.startedAt)}, and it ${how}`
    : 'It has not started yet';
  const { cause, remedy } = delayOf(row, repeated);
  return { verdict: 'late', because: `${started}: ${cause}.`, evidence: all, remedy };
}

/** The attempts that another one has followed or is to follow. */
const repeatedAttempts = ({ attempts, attempt, finishedAt }: RowFacts): RowFacts['attempts'] =>
  attempts.filter(({ number }) => number < attempt || finishedAt === null);

const SECOND_SCHEDULER = 'Run a second scheduler, so that an outage of one delays nothing.';

/** Why a run has started late or not at all, and what helps. */
function delayOf(row: RowFacts, repeated: RowFacts['attempts']): { cause: string; remedy: string } {
  if (repeated.length > 0)
    return { cause: causeOfRepetition(row, repeated), remedy: 'GET /runs/{id} has the error of each attempt.' };
  const queued = iso(row.queuedAt);
  if (row.kind === 'catch_up')
    return { cause: `no scheduler dispatched it in time, and it was caught up at ${queued}`, remedy: SECOND_SCHEDULER };
  if (row.held)
    return {
      cause: 'it waits until another run of the job has ended',
      remedy: 'Set overlap to allow, or a longer interval. GET /runs/{id} has that run in waitsFor.',
    };
  const queuedMs = row.queuedAt.getTime() - row.dueAt.getTime();
  if (queuedMs > LATE_MS)
    return {
      cause: `it was dispatched only at ${queued}, ${Math.round(queuedMs / 1000)} s after it was due`,
      remedy: SECOND_SCHEDULER,
    };
  return {
    cause: row.startedAt
      ? 'it waited for a free slot, or for another run of the job'
      : 'it waits in the queue for a free slot',
    remedy:
      'Raise WORKER_CONCURRENCY or add workers, or give the job a higher priority. GET /runs/{id} says in waitsFor what a run waits for.',
  };
}

function causeOfRepetition({ finishedAt }: RowFacts, repeated: RowFacts['attempts']): string {
  const lost = repeated.findLast(({ code }) => code === 'WORKER_LOST');
  if (lost) return `attempt ${lost.number} was lost with its replica ${lost.replica ?? ''}`.trim();
  const what = repeated.length > 1 ? 'attempts did not succeed' : 'an attempt did not succeed';
  return finishedAt === null ? what : `${what}, and it was tried again`;
}

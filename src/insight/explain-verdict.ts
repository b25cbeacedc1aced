import { dependsOnZoneData, TZ_VERSION } from '../core/triggers/zone-data.js';
import type { ExplainedInstant } from '../core/triggers/explain-instant.js';
import type { TriggerDefinition } from '../core/triggers/trigger.js';
import type { BlockingRun, PauseFacts, PresentFacts, RowFacts, VersionFacts } from './explain-facts.js';
import type { Evidence, Verdict } from './explain.view.js';

/** All that is known about an instant. */
export interface Facts {
  at: Date;
  present: PresentFacts;
  /** The last version that began before the instant, and the first one after it. */
  versions: { before: VersionFacts | null; after: VersionFacts | null };
  /** By the version that applied or, if none did, by none. */
  explained: ExplainedInstant | null;
  row: RowFacts | null;
  pauses: PauseFacts[];
  blockedBy: BlockingRun | null;
}

export interface Judgement {
  verdict: Verdict;
  because: string;
  evidence: Evidence[];
  remedy: string | null;
}

/** A start that is later than this is worth an explanation. */
const LATE_MS = 5_000;

/** The version that applied to an instant. Null: the job did not exist, or that is not known. */
export function versionAt({ before }: Facts['versions'], at: Date): VersionFacts | null {
  return before && (before.validTo === null || at <= before.validTo) ? before : null;
}

/** What became of an instant, and why. It is a pure function of the facts. The first row that covers the instant decides. */
export function judge(facts: Facts): Judgement {
  const version = versionAt(facts.versions, facts.at);
  const evidence = version ? [definitionEvidence(version)] : [];
  const found = facts.row ? ofRow(facts, facts.row) : version ? withoutRow(facts, version) : withoutVersion(facts);
  return { ...found, evidence: [...evidence, ...found.evidence] };
}

const iso = (date: Date) => date.toISOString();

function definitionEvidence({ version, trigger, by, validFrom }: VersionFacts): Evidence {
  return {
    code: 'definition',
    text: `By version ${version}, which applied from ${iso(validFrom)} on, the trigger was ${triggerText(trigger)}.`,
    at: validFrom,
    by,
  };
}

function triggerText(trigger: TriggerDefinition): string {
  if (trigger.type === 'cron') return `"${trigger.expression}" in ${trigger.timeZone}`;
  return trigger.type === 'date' ? `once at ${trigger.at}` : `every ${trigger.everySeconds} s from ${trigger.anchor}`;
}

const BACKFILL = 'POST /jobs/{name}/backfill runs it now.';

function ofRow(facts: Facts, row: RowFacts): Judgement {
  const range = row.missedTo
    ? ` The row is for all occurrences from ${iso(row.scheduledAt)} to ${iso(row.missedTo)}.`
    : '';
  const text = `The history has a row: ${row.state}${row.reason ? `, reason ${row.reason}` : ''}.${range}`;
  const evidence: Evidence[] = [{ code: 'run', text, run: row.id, at: row.scheduledAt }];
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
  const attempts = row.attempts.map(({ number, replica, state, code, finishedAt }): Evidence => ({
    code: 'attempt',
    text: `Attempt ${number}${replica ? ` on ${replica}` : ''} ended as ${state}${code ? `, code ${code}` : ''}.`,
    run: row.id,
    ...(finishedAt && { at: new Date(finishedAt) }),
  }));
  const all = [...evidence, ...attempts];
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

function pauseEvidence({ isOfJob, pausedAt, endedAt, until, reason, by, endedBy }: PauseFacts): Evidence {
  const end = endedAt
    ? `to ${iso(endedAt)}${endedBy === null && until ? ', its own end' : ''}`
    : until
      ? `, until ${iso(until)}`
      : ' and goes on';
  return {
    code: isOfJob ? 'pause' : 'scheduler_pause',
    text: `${isOfJob ? 'The job' : 'The scheduler'} was paused from ${iso(pausedAt)} ${end}${reason ? `: ${reason}` : ''}.`.replace(
      ' ,',
      ',',
    ),
    at: pausedAt,
    by,
  };
}

function withoutVersion({ at, present, versions: { before, after } }: Facts): Judgement {
  if (present.prunedUntil && at < present.prunedUntil) return pruned(present.prunedUntil);
  if (before?.deleted)
    return {
      verdict: 'deleted',
      because: `The job was deleted at ${iso(before.validTo!)}${after ? `, and created again at ${iso(after.validFrom)}` : ''}.`,
      evidence: [],
      remedy: 'Create the job again.',
    };
  if (after && !after.earlierUnknown && !before)
    return {
      verdict: 'before_creation',
      because: `The job was created at ${iso(after.validFrom)}. Its first occurrence is after that.`,
      evidence: [],
      remedy: BACKFILL,
    };
  const since = after ? ` Definitions are kept since ${iso(after.validFrom)}.` : '';
  return {
    verdict: 'unknown',
    because: `It is not known which definition applied then.${since}`,
    evidence: [],
    remedy: null,
  };
}

const pruned = (until: Date): Judgement => ({
  verdict: 'pruned',
  because: `Runs that ended before ${iso(until)} have been deleted, so its row may be gone.`,
  evidence: [{ code: 'retention', text: `Runs are kept since ${iso(until)}.`, at: until }],
  remedy: 'Raise RUN_RETENTION_DAYS to keep the history for longer.',
});

function withoutRow(facts: Facts, version: VersionFacts): Judgement {
  const { at, present, explained } = facts;
  if (!explained!.isOccurrence) return notDue(explained!);
  if (explained!.due > present.now.getTime()) return future(facts);
  if (present.prunedUntil && at < present.prunedUntil) return pruned(present.prunedUntil);
  const { job } = present;
  const isAhead =
    job !== null && job.id === version.jobId && job.nextOccurrenceAt !== null && at >= job.nextOccurrenceAt;
  if (isAhead && job.paused) return pausedNow(facts, 'The job is paused.');
  if (isAhead && present.schedulerPaused) return pausedNow(facts, 'The whole scheduler is paused.');
  if (isAhead) return overdue(facts);
  if (dependsOnZoneData(version.trigger) && version.tzVersion !== TZ_VERSION)
    return {
      verdict: 'unknown',
      because:
        'Its instants were computed with other time zone data than this process has, so it may have been at another time.',
      evidence: [],
      remedy: null,
    };
  return {
    verdict: 'unexplained',
    because: 'It was due and has no row, although dispatching has passed it. This is a gap in the ledger.',
    evidence: [],
    remedy: `See the runbook of CronzimusLedgerGap. ${BACKFILL}`,
  };
}

function notDue({ faults }: ExplainedInstant): Judgement {
  const evidence = faults.map(({ code, text, ranAt }): Evidence => {
    const isChange = code === 'clock_gap' || code === 'clock_repeat';
    return { code: isChange ? 'clock_change' : 'not_matching', text, ...(ranAt && { at: new Date(ranAt) }) };
  });
  const [first] = faults;
  const because = faults.map(({ text }) => text).join(' ');
  if (first?.code === 'clock_gap' || first?.code === 'clock_repeat')
    return {
      verdict: 'clock_change',
      because,
      evidence,
      remedy:
        'Set the clockChange of the job, use UTC as the time zone of its trigger, or a time outside the hours of clock changes.',
    };
  if (first?.code === 'after_end') return { verdict: 'ended', because, evidence, remedy: 'Set a later endAt.' };
  return {
    verdict: 'not_due',
    because: `It is no occurrence of the trigger. ${because}`,
    evidence,
    remedy: 'Change the trigger. POST /triggers/preview shows its occurrences.',
  };
}

function pausedNow({ pauses }: Facts, because: string): Judgement {
  const remedy = 'Resume it. Its occurrences then become one skipped row, and POST /jobs/{name}/backfill runs them.';
  return { verdict: 'paused', because, evidence: pauses.map(pauseEvidence), remedy };
}

/** What would keep an occurrence from running, as things are now. */
function obstacles({ present, pauses }: Facts): Evidence[] {
  const { schedulers, workers, job } = present;
  return [
    ...pauses.filter(({ endedAt }) => endedAt === null).map(pauseEvidence),
    ...(schedulers === 0 ? [{ code: 'no_scheduler', text: 'No live replica has the role scheduler.' } as const] : []),
    ...(job && workers === 0
      ? [{ code: 'no_worker', text: `No live worker knows the task "${job.task}".` } as const]
      : []),
  ];
}

function overdue(facts: Facts): Judgement {
  const { present, at } = facts;
  const next = present.job!.nextRunAt;
  const waits = obstacles(facts);
  const postponed = next !== null && next > present.now && next > at;
  const because =
    present.schedulers === 0
      ? 'It is due, and no live replica has the role scheduler.'
      : postponed
        ? `It is due, but dispatching the job has failed. The next try is at ${iso(next)}.`
        : 'It is due, and no scheduler has dispatched it yet.';
  const evidence = next ? [{ code: 'next_run', text: `The job is due since ${iso(next)}.`, at: next } as const] : [];
  const remedy = 'GET /scheduler shows the replicas, GET /health what is down. See the runbook of CronzimusOverdue.';
  return { verdict: 'overdue', because, evidence: [...waits, ...evidence], remedy };
}

function future(facts: Facts): Judgement {
  const { explained, at, present } = facts;
  const evidence = obstacles(facts).filter(({ code }) => {
    const until = code === 'pause' ? present.job?.pausedUntil : present.schedulerPausedUntil;
    return !(code === 'pause' || code === 'scheduler_pause') || !until || until > at;
  });
  const due = new Date(explained!.due);
  const jitter = due > at ? `, with its jitter at ${iso(due)}` : '';
  const because =
    evidence.length === 0
      ? `It is still to come${jitter}, and nothing stands in its way.`
      : `It is still to come${jitter}, but as things are it will not run on time: ${evidence.map(({ text }) => text).join(' ')}`;
  return {
    verdict: 'future',
    because,
    evidence,
    remedy: evidence.length === 0 ? null : 'Remove what stands in its way.',
  };
}

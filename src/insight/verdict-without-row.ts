import type { ExplainedInstant } from '../core/triggers/explain-instant.js';
import { dependsOnZoneData, TZ_VERSION } from '../core/triggers/zone-data.js';
import { iso, obstacles, pauseEvidence } from './explain-evidence.js';
import type { Facts, LossFacts, VersionFacts } from './explain-facts.js';
import { BACKFILL, type Evidence, type Judgement } from './explain.view.js';

/** An instant to which no kept definition applied. */
export function verdictWithoutVersion({ at, present, versions: { before, after } }: Facts): Judgement {
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

function lost({ from, until }: LossFacts): Judgement {
  const range = from ? `from ${iso(from)} to ${iso(until)}` : `until ${iso(until)}`;
  return {
    verdict: 'lost',
    because: 'The database has lost committed data of that time, and the row is gone with them.',
    evidence: [{ code: 'data_loss', text: `The database has lost data ${range}.`, at: until }],
    remedy: `See the runbook of CronzimusDataLoss. ${BACKFILL}`,
  };
}

/** An instant without a row. `version`: the definition that applied to it. */
export function verdictWithoutRow(facts: Facts, version: VersionFacts): Judgement {
  const { at, present, losses } = facts;
  const { isOccurrence, due } = facts.explained!;
  if (!isOccurrence) return notDue(facts.explained!);
  if (due > present.now.getTime()) return future(facts);
  if (present.prunedUntil && at < present.prunedUntil) return pruned(present.prunedUntil);
  const { job } = present;
  const isAhead =
    job !== null && job.id === version.jobId && job.nextOccurrenceAt !== null && at >= job.nextOccurrenceAt;
  if (isAhead && job.paused && !(job.pausedUntil && due >= job.pausedUntil.getTime()))
    return pausedNow(
      facts,
      job.pausedUntil && job.pausedUntil <= present.now ? 'The job was paused.' : 'The job is paused.',
    );
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
  const loss = losses.find(({ from, until }) => due >= (from?.getTime() ?? -Infinity) && due <= until.getTime());
  if (loss) return lost(loss);
  return {
    verdict: 'unexplained',
    because: 'It was due, but it has no row, although dispatching is past this instant. This is a gap in the ledger.',
    evidence: [],
    remedy: `See the runbook of CronzimusLedgerGap. ${BACKFILL}`,
  };
}

function pausedNow({ pauses }: Facts, because: string): Judgement {
  const remedy = 'Resume it. Its occurrences then become one skipped row, and POST /jobs/{name}/backfill runs them.';
  return { verdict: 'paused', because, evidence: pauses.map(pauseEvidence), remedy };
}

function overdue(facts: Facts): Judgement {
  const { present, at } = facts;
  const next = present.job!.nextRunAt;
  const postponed = next !== null && next > present.now && next > at;
  const because =
    present.schedulers === 0
      ? 'It is due, and no live replica has the role scheduler.'
      : postponed
        ? `It is due, but dispatching the job has failed. The next try is at ${iso(next)}.`
        : 'It is due, and no scheduler has dispatched it yet.';
  const text = postponed
    ? `The job is dispatched next at ${iso(next)}.`
    : `The job has been due since ${iso(next ?? at)}.`;
  const evidence = [
    ...obstacles(facts, new Date(facts.explained!.due)),
    { code: 'next_run', text, at: next ?? at } as const,
  ];
  const remedy = 'GET /scheduler shows the replicas, GET /health what is down. See the runbook of CronzimusOverdue.';
  return { verdict: 'overdue', because, evidence, remedy };
}

function future(facts: Facts): Judgement {
  const due = new Date(facts.explained!.due);
  const evidence = obstacles(facts, due);
  const isPaused = evidence.some(({ code }) => code === 'pause' || code === 'scheduler_pause');
  const jitter = due > facts.at ? `, with its jitter at ${iso(due)}` : '';
  const because =
    evidence.length === 0
      ? `It is still to come${jitter}, and nothing stands in its way.`
      : `It is still to come${jitter}, but as things are it will not run${isPaused ? '' : ' on time'}: ${evidence.map(({ text }) => text).join(' ')}`;
  return {
    verdict: 'future',
    because,
    evidence,
    remedy: evidence.length === 0 ? null : 'Remove what stands in its way.',
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

import { DateOccurrences } from '../../core/triggers/date.trigger.js';
import { openTrigger, type Trigger } from '../../core/triggers/trigger.js';
import {
  basisAfterNewer,
  basisIn,
  basisOf,
  isComputedWithNewerData,
  keptBasis,
  nextByOwnData,
  type ZoneBasis,
} from '../../core/triggers/zone-data.js';
import type { Copied, RunDraft } from '../../runs/lifecycle/create-runs.js';
import type { RunKind } from '../../runs/lifecycle/run.entity.js';
import type { DueJob } from '../definition/job.entity.js';
import { scheduleOf } from '../definition/job-fields.js';
import { type OverlapVerdict, overlapVerdicts } from './overlap.js';
import { IDLE, type Lanes } from './unfinished-runs.js';
import { backlogOf, delayed, latestDue, type Range, rangeOf } from './misfire.js';

/** The rows for the due occurrences of a job, and its next occurrence. */
export interface Decision {
  job: DueJob;
  drafts: RunDraft[];
  /** True if the unfinished runs of the job must be cancelled, because the new run replaces them. */
  replaces: boolean;
  next: NextOccurrence;
  basis: ZoneBasis;
}

export interface Instants {
  now: Date;
  /** When the last pause of the whole scheduler ended. Null before the first one. An occurrence that was due before
   *  this and has no row yet fell into the pause. */
  resumedAt: Date | null;
  /** True before the trigger changes or the job is deleted: an occurrence whose jitter has not passed is then due at `now`. */
  endsDelays?: boolean;
  /** True if a job that was computed with newer time zone data must be decided here: before an edit, or when the scheduler is paused. It
   *  then has one occurrence, the stored one. What the newer data make of it after that is not known here. */
  keepsNewerData?: boolean;
}

/** Both are null if the trigger has no further occurrence. */
export interface NextOccurrence {
  nextOccurrenceAt: Date | null;
  /** The occurrence plus its jitter. */
  nextRunAt: Date | null;
}

/**
 * Decides for all occurrences of a job that are due at `now`. It is a pure function: what it needs to know of the
 * database is passed in, under the locks of the caller.
 *
 * Each due occurrence gets exactly one row, alone or as part of a range. First comes what fell into a pause (one
 * `skipped` row). The rest is the backlog, which the misfire policy divides into `missed` ranges, catch-up runs and
 * occurrences on time. The overlap policy then decides which of those on time start.
 *
 * Throws for a trigger that cannot be read.
 */
export function decide(job: DueJob, instants: Instants, lanes: Lanes = IDLE): Decision {
  const opened = openTrigger(job, job.id);
  const keepsNewer = instants.keepsNewerData === true && isComputedWithNewerData(job);
  const first = keepsNewer ? job.nextOccurrenceAt : nextByOwnData(job);
  if (!first) return { job, drafts: [], replaces: false, next: NO_NEXT, basis: keptBasis(job, null) };

  const known = keepsNewer ? onlyAt(first, opened) : opened;
  const trigger = instants.endsDelays ? delayedUpTo(known, instants.now) : known;
  const { drafts, replaces, last } = decideFrom(first, job, trigger, instants, lanes);
  if (last)
    return { job, drafts, replaces, ...(keepsNewer ? afterNewer(job, last, opened) : afterOwn(job, last, opened)) };
  // Computed again from the trigger: after a failed decision, `nextRunAt` of the job was only a time to try again.
  const next = nextAfter(known, new Date(first.getTime() - 1));
  return { job, drafts, replaces, next, basis: keepsNewer ? basisIn(job) : keptBasis(job, next.nextOccurrenceAt) };
}

const afterOwn = (job: DueJob, last: Date, trigger: Trigger) => ({
  next: nextAfter(trigger, last),
  basis: basisOf(job.trigger, last),
});

/** The next occurrence by the data of this process, after the local time that `last` has by newer data. */
function afterNewer(job: DueJob, last: Date, trigger: Trigger) {
  const basis = basisAfterNewer(job, last);
  const first = nextByOwnData({ ...basis, ...scheduleOf(job), nextOccurrenceAt: null, tzVersion: null });
  return { next: first ? nextAfter(trigger, new Date(first.getTime() - 1)) : NO_NEXT, basis };
}

/** What to write for the occurrences from `first` on that are due. `last` is the latest of them; null: none is due. */
function decideFrom(first: Date, job: DueJob, trigger: Trigger, { now, resumedAt }: Instants, lanes: Lanes) {
  const ended = pauseEndOf(job, now);
  const isPaused = job.paused && !ended;
  const pausedUntil = isPaused ? now : latestOf(ended, resumedAt);
  const paused = pausedUntil && pausedRange(trigger, first, pausedUntil);
  const start = trigger.next(paused ? paused.to : new Date(first.getTime() - 1));
  const drafts = paused ? [rangeDraft(job, trigger, 'skipped', 'paused', paused)] : [];
  const backlog = start && !isPaused ? backlogOf(trigger, start, now, job.misfire) : null;
  if (!backlog) return { drafts, replaces: false, last: paused ? paused.to : null };

  const { missed, catchUp, surplus, onTime, last } = backlog;
  const verdicts = overlapVerdicts(job.overlap, lanes.schedule, onTime.length);
  return {
    drafts: [
      ...drafts,
      ...(missed ? [rangeDraft(job, trigger, 'missed', 'misfire', missed)] : []),
      ...catchUpDrafts(job, trigger, catchUp, lanes),
      ...(surplus ? [rangeDraft(job, trigger, 'missed', 'misfire', surplus)] : []),
      ...onTime.map((at, index) => judged(runDraft(job, trigger, 'schedule', at), verdicts[index]!)),
    ],
    replaces: job.overlap === 'replace' && onTime.length > 0,
    last,
  };
}

/** The last instant of a pause that is over at `now` by its own `until`: what is due at `until` runs. Null: it goes on, or there is none. */
const pauseEndOf = ({ paused, pausedUntil }: DueJob, now: Date): Date | null =>
  paused && pausedUntil && pausedUntil <= now ? new Date(pausedUntil.getTime() - 1) : null;

const latestOf = (one: Date | null, other: Date | null): Date | null =>
  one && other && other > one ? other : (one ?? other);

const NO_NEXT: NextOccurrence = { nextOccurrenceAt: null, nextRunAt: null };

/** The trigger with one occurrence: what other data make of it after that is not known here. */
const onlyAt = (occurrence: Date, trigger: Trigger): Trigger => {
  const only = new DateOccurrences(occurrence);
  return {
    next: (after) => only.next(after),
    previous: (before) => only.previous(before),
    count: (from, to, limit) => only.count(from, to, limit),
    delay: (at) => trigger.delay(at),
  };
};

/** The trigger without the part of each delay that lies after `now`. */
const delayedUpTo = (trigger: Trigger, now: Date): Trigger => ({
  ...trigger,
  delay: (occurrence) => Math.min(trigger.delay(occurrence), Math.max(0, now.getTime() - occurrence.getTime())),
});

/** The first occurrence strictly after `after`, and when it starts. */
export function nextAfter(trigger: Trigger, after: Date): NextOccurrence {
  const occurrence = trigger.next(after);
  return { nextOccurrenceAt: occurrence, nextRunAt: occurrence && delayed(trigger, occurrence) };
}

export const copyOf = (job: DueJob): Copied & { jobId: string } => ({
  jobId: job.id,
  job: job.name,
  task: job.task,
  priority: job.priority,
  timeoutSeconds: job.timeoutSeconds,
  retry: job.retry,
  onInterruption: job.onInterruption,
  input: job.input,
});

/** The occurrences that fell into a pause, as one range. They are not caught up. */
function pausedRange(trigger: Trigger, first: Date, until: Date): Range | null {
  const last = latestDue(trigger, until);
  return last && last >= first ? rangeOf(trigger, first, last) : null;
}

/** Catch-up runs, oldest first. They run one after the other, whatever the overlap policy says, and do not wait for
 *  scheduled runs. */
function catchUpDrafts(job: DueJob, trigger: Trigger, occurrences: Date[], { catchUp }: Lanes): RunDraft[] {
  const busy = catchUp.running + catchUp.waiting + catchUp.held > 0;
  return occurrences.map((occurrence, index) =>
    judged(runDraft(job, trigger, 'catch_up', occurrence), busy || index > 0 ? 'hold' : 'start'),
  );
}

/** The draft of a run with the verdict of the overlap policy. */
export function judged(draft: RunDraft, verdict: OverlapVerdict): RunDraft {
  const changes = {
    start: {},
    hold: { held: true },
    skip: { state: 'skipped', reason: 'overlap' },
    replaced: { state: 'skipped', reason: 'replaced' },
  } as const;
  return { ...draft, ...changes[verdict] };
}

const runDraft = (job: DueJob, trigger: Trigger, kind: RunKind, occurrence: Date): RunDraft => ({
  ...copyOf(job),
  kind,
  state: 'pending',
  held: false,
  reason: null,
  scheduledAt: occurrence,
  dueAt: delayed(trigger, occurrence),
});

const rangeDraft = (
  job: DueJob,
  trigger: Trigger,
  state: 'missed' | 'skipped',
  reason: string,
  { from, to, count }: Range,
): RunDraft => ({ ...runDraft(job, trigger, 'schedule', from), state, reason, missed: { to, count } });

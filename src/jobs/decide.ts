import { openTrigger, type Trigger } from '../core/triggers/trigger.js';
import type { RunDraft } from '../runs/record-runs.js';
import type { RunKind } from '../runs/run.entity.js';
import type { Job } from './job.entity.js';
import { backlogOf, delayed, latestDue, type Range, rangeOf } from './misfire.js';

/** What becomes of a job's due occurrences, and when it is to be looked at next. */
export interface Decision {
  job: Job;
  drafts: RunDraft[];
  next: NextOccurrence;
}

export interface NextOccurrence {
  nextOccurrenceAt: Date | null;
  nextRunAt: Date | null;
}

/** Decides for all that is due at `now`. `busy`: a run of the job is pending, running or retrying. Throws for a trigger that cannot be read. */
export function decide(job: Job, now: Date, busy: boolean): Decision {
  const trigger = openTrigger(job.trigger, job.id);
  const first = job.nextOccurrenceAt;
  const unchanged = { job, drafts: [], next: { nextOccurrenceAt: first, nextRunAt: job.nextRunAt } };
  if (!first) return unchanged;
  if (job.paused) return decidePaused(job, trigger, first, now) ?? unchanged;

  const backlog = backlogOf(trigger, first, now, job.misfire);
  if (!backlog) return { ...unchanged, next: nextAfter(trigger, new Date(first.getTime() - 1)) };
  const { onTime, catchUp, missed, last } = backlog;
  return {
    job,
    drafts: [
      ...(missed ? [rangeDraft(job, trigger, 'missed', 'misfire', missed)] : []),
      ...catchUp.map((occurrence) => runDraft(job, trigger, 'catch_up', occurrence)),
      ...withoutOverlap(job, trigger, onTime, busy),
    ],
    next: nextAfter(trigger, last),
  };
}

/** The first occurrence strictly after `after`, and when it is to start. */
export function nextAfter(trigger: Trigger, after: Date): NextOccurrence {
  const occurrence = trigger.next(after);
  return { nextOccurrenceAt: occurrence, nextRunAt: occurrence && delayed(trigger, occurrence) };
}

/** What a run copies from its job, so that an edit never rewrites the past. */
export const copyOf = (job: Job) => ({
  jobId: job.id,
  job: job.name,
  task: job.task,
  priority: job.priority,
  timeoutSeconds: job.timeoutSeconds,
  retry: job.retry,
  onInterruption: job.onInterruption,
  input: job.input,
});

/** The occurrences of a pause become one row, and nothing is made up. */
function decidePaused(job: Job, trigger: Trigger, first: Date, now: Date): Decision | null {
  const last = latestDue(trigger, now);
  if (!last || last < first) return null;
  const range = rangeOf(trigger, first, last);
  return {
    job,
    drafts: [rangeDraft(job, trigger, 'skipped', 'paused', range)],
    next: nextAfter(trigger, last),
  };
}

function withoutOverlap(job: Job, trigger: Trigger, occurrences: Date[], busy: boolean): RunDraft[] {
  return occurrences.map((occurrence, index) => {
    const draft = runDraft(job, trigger, 'schedule', occurrence);
    const overlaps = job.overlap === 'skip' && (busy || index > 0);
    return overlaps ? { ...draft, state: 'skipped', reason: 'overlap' } : draft;
  });
}

const runDraft = (job: Job, trigger: Trigger, kind: RunKind, occurrence: Date): RunDraft => ({
  ...copyOf(job),
  kind,
  state: 'pending',
  reason: null,
  scheduledAt: occurrence,
  dueAt: delayed(trigger, occurrence),
});

const rangeDraft = (
  job: Job,
  trigger: Trigger,
  state: 'missed' | 'skipped',
  reason: string,
  { from, to, count }: Range,
): RunDraft => ({ ...runDraft(job, trigger, 'schedule', from), state, reason, missed: { to, count } });

import * as fc from 'fast-check';
import { openTrigger, type Trigger } from '../../src/core/triggers/trigger.js';
import { decide } from '../../src/jobs/dispatch/decide.js';
import type { Job } from '../../src/jobs/definition/job.entity.js';
import type { Lanes } from '../../src/jobs/dispatch/unfinished-runs.js';
import type { RunDraft } from '../../src/runs/lifecycle/create-runs.js';
import { jobRow } from './jobs.js';
import { cases, instantIn, triggerNear } from './triggers.js';

/** One decision and its inputs. */
export interface Decided {
  /** The job before the decision. */
  job: Job;
  now: Date;
  /** When the last pause of the scheduler ended; null before the first. */
  resumedAt: Date | null;
  lanes: Lanes;
  drafts: RunDraft[];
}

/** All decisions about a job. */
export interface Life {
  trigger: Trigger;
  /** The first occurrence without a disposition, at the beginning and at the end. */
  first: Date | null;
  left: Date | null;
  decisions: Decided[];
  end: Date;
}

interface Step {
  act: 'dispatch' | 'pause' | 'resume' | 'pause all' | 'resume all';
  /** How many occurrences fall due before the step. */
  occurrences: number;
  /** How far the step is on the way to the next occurrence, in [0, 1). */
  fraction: number;
  lanes: Lanes;
}

const ZONES = ['UTC', 'Europe/Berlin', 'America/Sao_Paulo', 'Australia/Lord_Howe', 'Africa/Casablanca'];

const few = fc.constantFrom(0, 0, 0, 1, 2);
const unfinished = fc.record({ running: few, waiting: few, held: few });
const step = fc.record({
  act: fc.constantFrom<Step['act'][]>('dispatch', 'dispatch', 'dispatch', 'pause', 'resume', 'pause all', 'resume all'),
  occurrences: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 30 })),
  fraction: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  lanes: fc.record({ schedule: unfinished, catchUp: unfinished }),
});
const policies = fc.record({
  misfire: fc.record({
    policy: fc.constantFrom('skip' as const, 'once' as const, 'all' as const),
    graceSeconds: fc.oneof(fc.constantFrom(0, 60), fc.integer({ min: 0, max: 90_000 })),
    maxCatchUp: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 1_000 })),
  }),
  overlap: fc.constantFrom('allow' as const, 'skip' as const, 'queue' as const, 'replace' as const),
});

/** Asserts a property for random jobs that are dispatched at random times, with pauses of the job and of the scheduler, and with
 *  random unfinished runs. */
export function inAnyLife(property: (life: Life) => void): void {
  const definition = fc
    .constantFrom(...ZONES)
    .chain((timeZone) => instantIn(timeZone).chain((at) => fc.tuple(fc.constant(at), triggerNear(timeZone, at))));
  const steps = fc.array(step, { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(definition, policies, steps, ([at, trigger], chosen, taken) =>
      property(live(jobRow('any', { ...chosen, trigger }), at, taken)),
    ),
    cases(100),
  );
}

/** The life of a job that is created at `at`, up to a last dispatch. */
function live(created: Readonly<Job>, at: Date, steps: Step[]): Life {
  const trigger = openTrigger(created, created.id);
  const first = trigger.next(at);
  const nextRunAt = first && new Date(first.getTime() + trigger.delay(first));
  let job: Readonly<Job> = { ...created, nextOccurrenceAt: first, nextRunAt };
  let scheduler: { paused: boolean; resumedAt: Date | null } = { paused: false, resumedAt: null };
  let now = at;
  const decisions: Decided[] = [];
  const dispatch = (lanes: Lanes) => {
    const resumedAt = scheduler.paused ? now : scheduler.resumedAt;
    const { drafts, next } = decide(job, { now, resumedAt }, lanes);
    decisions.push({ job, now, resumedAt, lanes, drafts });
    job = { ...job, ...next };
  };
  for (const { act, occurrences, fraction, lanes } of steps) {
    now = instantAfter(trigger, now, occurrences, fraction);
    if (act === 'pause all') scheduler = { ...scheduler, paused: true };
    if (act === 'resume all' && scheduler.paused) scheduler = { paused: false, resumedAt: now };
    // A job that is paused or resumed is dispatched first, even while the scheduler is paused.
    const isSwitched = act === 'pause' || act === 'resume';
    if (isSwitched || (!scheduler.paused && !job.paused)) dispatch(lanes);
    if (isSwitched) job = { ...job, paused: act === 'pause' };
  }
  dispatch(steps[0]!.lanes);
  return { trigger, first, left: job.nextOccurrenceAt, decisions, end: now };
}

/** The instant after this many occurrences plus a fraction of the way to the next one, or of an hour if there is none. */
function instantAfter(trigger: Trigger, now: Date, occurrences: number, fraction: number): Date {
  let from = now;
  for (let passed = 0; passed < occurrences; passed += 1) from = trigger.next(from) ?? from;
  const to = trigger.next(from)?.getTime() ?? from.getTime() + 3_600_000;
  return new Date(from.getTime() + Math.floor((to - from.getTime()) * fraction));
}

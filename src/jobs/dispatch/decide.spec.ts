import { jobRow } from '../../../test/support/jobs.js';
import { openTrigger } from '../../core/triggers/trigger.js';
import { decide as decideAmong } from './decide.js';
import type { Job } from '../definition/job.entity.js';
import { IDLE } from './unfinished-runs.js';

const BUSY = { ...IDLE, schedule: { running: 1, waiting: 0, held: 0 } };
const decide = (job: Job, now: Date, busy: boolean, resumedAt: Date | null = null) =>
  decideAmong(job, { now, resumedAt }, busy ? BUSY : IDLE);
const at = (time: string) => new Date(`2026-06-01T${time}Z`);
const trigger = {
  type: 'interval',
  everySeconds: 60,
  anchor: '2026-06-01T00:00:00.000Z',
  startAt: null,
  endAt: null,
  jitterSeconds: 0,
} as const;
const job = (written: Partial<Job> = {}) =>
  jobRow('minutely', { trigger, nextOccurrenceAt: at('12:00'), nextRunAt: at('12:00'), ...written });
const next = (time: string) => ({ nextOccurrenceAt: at(time), nextRunAt: at(time) });

describe('decide', () => {
  it('creates a run with the values of the job, and moves on to the next occurrence', () => {
    const due = job({ input: { a: 1 }, priority: 7, timeoutSeconds: 2, onInterruption: 'fail' });
    const decision = decide(due, at('12:00:01'), false);
    expect(decision.next).toEqual(next('12:01'));
    expect(decision.drafts).toEqual([
      {
        jobId: due.id,
        job: 'minutely',
        task: due.task,
        kind: 'schedule',
        state: 'pending',
        held: false,
        reason: null,
        scheduledAt: at('12:00'),
        dueAt: at('12:00'),
        input: { a: 1 },
        priority: 7,
        timeoutSeconds: 2,
        retry: due.retry,
        onInterruption: 'fail',
      },
    ]);
  });

  const skipped = { state: 'skipped', reason: 'overlap' };
  const replaced = { state: 'skipped', reason: 'replaced' };
  const pending = { state: 'pending', reason: null };
  it.each<[string, Partial<Job>, boolean, object[]]>([
    ['skip, and one runs: both are skipped', { overlap: 'skip' }, true, [skipped, skipped]],
    ['skip, and none runs: the first runs', { overlap: 'skip' }, false, [pending, skipped]],
    ['allow, and one runs: both run', { overlap: 'allow' }, true, [pending, pending]],
    ['queue, and none runs: the second is held', { overlap: 'queue' }, false, [pending, { ...pending, held: true }]],
    ['queue, and one runs: the second is skipped', { overlap: 'queue' }, true, [{ ...pending, held: true }, skipped]],
    ['replace, and none runs: the last runs', { overlap: 'replace' }, false, [replaced, pending]],
    ['replace, and one runs: the last is held', { overlap: 'replace' }, true, [replaced, { ...pending, held: true }]],
  ])('two within the grace period: %s', (_case, written, busy, expected) => {
    expect(decide(job(written), at('12:01'), busy).drafts).toMatchObject(expected);
  });

  it('catches up independently of the overlap policy, after the row of the missed ones', () => {
    const { drafts, next: following } = decide(job(), at('12:05:30'), true);
    expect(drafts).toMatchObject([
      { state: 'missed', reason: 'misfire', scheduledAt: at('12:00'), missed: { to: at('12:04'), count: 5 } },
      { ...skipped, kind: 'schedule', scheduledAt: at('12:05') },
    ]);
    expect(following).toEqual(next('12:06'));
    const late = job({ misfire: { policy: 'once', graceSeconds: 0, maxCatchUp: 100 } });
    expect(decide(late, at('12:05:30'), true).drafts).toMatchObject([
      { state: 'missed', missed: { to: at('12:04'), count: 5 } },
      { ...pending, kind: 'catch_up', scheduledAt: at('12:05') },
    ]);
  });

  it('turns a pause into one skipped row', () => {
    const { drafts, next: following } = decide(job({ paused: true }), at('12:09:59'), false);
    expect(drafts).toMatchObject([
      { state: 'skipped', reason: 'paused', scheduledAt: at('12:00'), missed: { to: at('12:09'), count: 10 } },
    ]);
    expect(following).toEqual(next('12:10'));
  });

  it('turns a pause of the whole scheduler into one skipped row, and continues after it', () => {
    const { drafts, next: following } = decide(job(), at('12:10:30'), false, at('12:09:45'));
    expect(drafts).toMatchObject([
      { state: 'skipped', reason: 'paused', scheduledAt: at('12:00'), missed: { to: at('12:09'), count: 10 } },
      { ...pending, kind: 'schedule', scheduledAt: at('12:10') },
    ]);
    expect(following).toEqual(next('12:11'));
  });

  it('catches up one after the other with `all`, while the schedule continues', () => {
    const all = job({ misfire: { policy: 'all', graceSeconds: 60, maxCatchUp: 3 } });
    expect(decide(all, at('12:06'), false).drafts).toMatchObject([
      { state: 'missed', scheduledAt: at('12:00'), missed: { to: at('12:01'), count: 2 } },
      { kind: 'catch_up', held: false, scheduledAt: at('12:02') },
      { kind: 'catch_up', held: true, scheduledAt: at('12:03') },
      { kind: 'catch_up', held: true, scheduledAt: at('12:04') },
      { ...pending, kind: 'schedule', scheduledAt: at('12:05') },
      { ...skipped, scheduledAt: at('12:06') },
    ]);
  });

  it.each<[string, Partial<Job>, string]>([
    ['nothing is due', {}, '11:59:59.999'],
    ['nothing was due during the pause', { paused: true }, '11:59:59.999'],
    ['the trigger has no occurrence left', { nextOccurrenceAt: null, nextRunAt: null }, '12:00'],
  ])('changes nothing if %s', (_case, written, now) => {
    const { nextOccurrenceAt, nextRunAt } = job(written);
    expect(decide(job(written), at(now), false)).toMatchObject({ drafts: [], next: { nextOccurrenceAt, nextRunAt } });
  });

  it('sets no next occurrence after the last one', () => {
    const once = job({ trigger: { type: 'date', at: at('12:00').toISOString() } });
    const { drafts, next: following } = decide(once, at('12:00'), false);
    expect(drafts).toMatchObject([{ scheduledAt: at('12:00'), ...pending }]);
    expect(following).toEqual({ nextOccurrenceAt: null, nextRunAt: null });
  });

  it('waits for the jitter of this occurrence, and of the next one', () => {
    const jittered = job({ trigger: { ...trigger, jitterSeconds: 59 } });
    const opened = openTrigger(jittered, jittered.id);
    const due = (time: string) => new Date(at(time).getTime() + opened.delay(at(time)));
    expect(decide(jittered, new Date(due('12:00').getTime() - 1), false)).toMatchObject({
      drafts: [],
      next: { nextOccurrenceAt: at('12:00'), nextRunAt: due('12:00') },
    });
    expect(decide(jittered, due('12:00'), false)).toMatchObject({
      drafts: [{ scheduledAt: at('12:00'), dueAt: due('12:00') }],
      next: { nextOccurrenceAt: at('12:01'), nextRunAt: due('12:01') },
    });
  });

  it('throws for a trigger that cannot be read', () => {
    const broken = job({ trigger: { ...trigger, type: 'cron', expression: 'nonsense', timeZone: 'UTC' } as never });
    expect(() => decide(broken, at('12:00'), false)).toThrow('There is 1 field');
  });
});

const phoenix = (expression: string) =>
  ({ type: 'cron', expression, timeZone: 'America/Phoenix', startAt: null, endAt: null, jitterSeconds: 0 }) as const;

describe('a due job that newer zone data computed', () => {
  // By the data of this process, Phoenix is seven hours behind UTC all year.
  const HOUR = 3_600_000;
  const decided = (expression: string, dueAt: string, before: string, offset: number) => {
    const stored = { tzVersion: '9999z', decidedUntil: new Date(before), decidedOffsetMs: offset * HOUR };
    const due = jobRow('phoenix', {
      trigger: phoenix(expression),
      nextOccurrenceAt: at(dueAt),
      nextRunAt: at(dueAt),
      ...stored,
    });
    return decideAmong(due, { now: at(dueAt), resumedAt: null, keepsNewerData: true });
  };

  it('has one run, and its next occurrence is after the local time that the newer data gave', () => {
    // With these, 15:00 UTC is 9:00. Here it is 8:00, and 9:00 is still to come today.
    const { drafts, basis, next: moved } = decided('0 9 * * *', '15:00', '2026-05-31T15:00:00Z', -6);
    expect(drafts).toMatchObject([{ scheduledAt: at('15:00'), state: 'pending' }]);
    expect(moved.nextOccurrenceAt).toEqual(new Date('2026-06-02T16:00:00Z'));
    expect(basis).toMatchObject({ decidedUntil: at('15:00'), decidedOffsetMs: -6 * HOUR });
  });

  it('does not pass over an occurrence that the newer data have yet to give', () => {
    // With these, 17:00 UTC is 9:00. Here it is 10:00, so 10:00 would seem to be over.
    const { basis, next: moved } = decided('0 9,12 * * *', '17:00', '2026-05-31T20:00:00Z', -8);
    expect(basis).toMatchObject({ decidedUntil: at('17:00'), decidedOffsetMs: -8 * HOUR });
    expect(moved.nextOccurrenceAt).toEqual(at('19:00'));
  });
});

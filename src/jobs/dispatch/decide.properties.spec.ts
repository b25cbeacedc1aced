import { inAnyLife, type Decided } from '../../../test/support/job-life.js';
import type { Trigger } from '../../core/triggers/trigger.js';
import type { RunDraft } from '../../runs/lifecycle/create-runs.js';
import type { UnfinishedRuns } from './overlap.js';

/** When an occurrence is due: its nominal instant plus its jitter. */
const dueAt = (trigger: Trigger, occurrence: Date) => new Date(occurrence.getTime() + trigger.delay(occurrence));

/** The instants from `first` up to the last one that is `within`, in ms. */
function instants(trigger: Trigger, first: Date | null, within: (occurrence: Date) => boolean): number[] {
  const found: number[] = [];
  for (let at = first; at && within(at); at = trigger.next(at)) found.push(at.getTime());
  return found;
}

/** The instants that a row accounts for: one, or a range of missed ones. */
const covered = (trigger: Trigger, { scheduledAt, missed }: RunDraft) =>
  missed ? instants(trigger, scheduledAt, (at) => at <= missed.to) : [scheduledAt.getTime()];

const allOf = (decisions: Decided[]) => decisions.flatMap(({ drafts }) => drafts);
const single = (drafts: RunDraft[], kind: RunDraft['kind']) =>
  drafts.filter((draft) => draft.kind === kind && !draft.missed);
const isBusy = ({ running, waiting, held }: UnfinishedRuns) => running + waiting + held > 0;

describe('in any history of a job', () => {
  it('each due instant gets exactly one row, and not before it is due', () => {
    inAnyLife(({ trigger, first, left, decisions, end }) => {
      const due = instants(trigger, first, (at) => dueAt(trigger, at) <= end);
      expect(allOf(decisions).flatMap((draft) => covered(trigger, draft))).toEqual(due);
      expect(left).toEqual(due.length === 0 ? first : trigger.next(new Date(due.at(-1)!)));
      for (const { now, drafts } of decisions) {
        const early = drafts.filter(({ scheduledAt, missed }) => dueAt(trigger, missed?.to ?? scheduledAt) > now);
        expect(early).toEqual([]);
      }
    });
  });

  it('a row for a range has the number of its instants', () => {
    inAnyLife(({ trigger, decisions }) => {
      const ranges = allOf(decisions).filter(({ missed }) => missed);
      expect(ranges.map(({ missed }) => missed?.count)).toEqual(ranges.map((draft) => covered(trigger, draft).length));
    });
  });

  it('a row that is created final is skipped or missed, with a reason, and is not held', () => {
    inAnyLife(({ decisions }) => {
      const odd = allOf(decisions).filter(({ state, reason, held }) =>
        state === 'pending' ? reason : held || !reason || !['skipped', 'missed'].includes(state),
      );
      expect(odd).toEqual([]);
    });
  });

  it('at most maxCatchUp runs are on time, each within its grace period, and the misfire policy limits the catch-up runs', () => {
    inAnyLife(({ trigger, decisions }) => {
      for (const { job, now, drafts } of decisions) {
        const { policy, graceSeconds, maxCatchUp } = job.misfire;
        const isLate = (at: Date) => now.getTime() - dueAt(trigger, at).getTime() > graceSeconds * 1000;
        const [onTime, catchUp] = [single(drafts, 'schedule'), single(drafts, 'catch_up')];
        const missed = drafts.filter(({ state }) => state === 'missed');
        const most = { skip: 0, once: onTime.length > 0 ? 0 : 1, all: maxCatchUp }[policy];
        expect(onTime.filter(({ scheduledAt }) => isLate(scheduledAt))).toEqual([]);
        expect(catchUp.filter(({ scheduledAt }) => !isLate(scheduledAt))).toEqual([]);
        expect(onTime.length).toBeLessThanOrEqual(maxCatchUp);
        expect(catchUp.length).toBeLessThanOrEqual(most);
        // An instant is only missed when the limit is reached: of catch-up runs if it is late, otherwise of runs on time.
        for (const { scheduledAt, missed: range } of missed) {
          expect(catchUp.length).toBe(isLate(scheduledAt) ? most : catchUp.length);
          expect(onTime.length).toBe(isLate(range!.to) ? onTime.length : maxCatchUp);
        }
      }
    });
  });

  it('a pause leaves at most one skipped row, and no instant within it runs', () => {
    inAnyLife(({ trigger, decisions }) => {
      for (const { job, now, resumedAt, drafts } of decisions) {
        const until = job.paused ? now : resumedAt;
        const duringPause = drafts.filter(({ scheduledAt }) => until && dueAt(trigger, scheduledAt) <= until);
        expect(duringPause).toEqual(drafts.filter(({ state, reason }) => state === 'skipped' && reason === 'paused'));
        expect(duringPause.length).toBeLessThanOrEqual(1);
      }
    });
  });

  it('the overlap policy and the unfinished runs determine how many runs start and how many wait', () => {
    inAnyLife(({ decisions }) => {
      for (const { job, lanes, drafts } of decisions) {
        const { running, held } = lanes.schedule;
        const scheduled = single(drafts, 'schedule');
        const [all, one, two] = [scheduled.length, Math.min(1, scheduled.length), Math.min(2, scheduled.length)];
        const busy = isBusy(lanes.schedule);
        const expected = {
          allow: { starts: all, waits: 0 },
          skip: { starts: busy ? 0 : one, waits: 0 },
          queue: busy ? { starts: 0, waits: held > 0 ? 0 : one } : { starts: one, waits: two - one },
          replace: running > 0 ? { starts: 0, waits: one } : { starts: one, waits: 0 },
        }[job.overlap];
        const pending = scheduled.filter(({ state }) => state === 'pending');
        const waiting = pending.filter((draft) => draft.held);
        expect({ starts: pending.length - waiting.length, waits: waiting.length }).toEqual(expected);
        // With `replace` the latest runs are kept, otherwise the earliest.
        const [first, last] = [0, scheduled.length - pending.length];
        expect(pending).toEqual(scheduled.slice(job.overlap === 'replace' ? last : first).slice(0, pending.length));
      }
    });
  });

  it('catch-up runs start one after the other, whatever the overlap policy', () => {
    inAnyLife(({ decisions }) => {
      for (const { lanes, drafts } of decisions) {
        const caughtUp = single(drafts, 'catch_up');
        const waits = caughtUp.map((_each, index) => index > 0 || isBusy(lanes.catchUp));
        expect(caughtUp.map(({ state, held }) => [state, held])).toEqual(waits.map((held) => ['pending', held]));
      }
    });
  });
});

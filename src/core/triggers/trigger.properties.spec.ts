import * as fc from 'fast-check';
import { cases, instantIn, triggerNear } from '../../../test/support/triggers.js';
import { BY_CRON_RULE } from './clock-change.js';
import { openTrigger, type Trigger } from './trigger.js';

interface Case {
  trigger: Trigger;
  /** The same trigger, opened a second time. */
  again: Trigger;
  at: Date;
  /** The last occurrence at or before `at`, or null. */
  before: Date | null;
  /** The first three occurrences after `at`, or fewer when the trigger has fewer. */
  found: Date[];
  /** In [0, 1). */
  fraction: number;
}

/** Checks a property for triggers of all kinds in every time zone, mostly around its DST changes. */
function inEveryZone(property: (given: Case) => void): void {
  const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  for (const timeZone of Intl.supportedValuesOf('timeZone')) {
    const given = instantIn(timeZone).chain((at) => fc.tuple(fc.constant(at), triggerNear(timeZone, at), fraction));
    const holds = fc.property(given, ([at, definition, within]) => {
      const trigger = openTrigger({ trigger: definition, clockChange: BY_CRON_RULE }, 'job');
      const found = following(trigger, at);
      const before = trigger.previous(later(at, 1));
      property({
        trigger,
        again: openTrigger({ trigger: definition, clockChange: BY_CRON_RULE }, 'job'),
        at,
        before,
        found,
        fraction: within,
      });
    });
    fc.assert(holds, cases(3));
  }
}

function following(trigger: Trigger, at: Date): Date[] {
  const found: Date[] = [];
  for (let next = trigger.next(at); next && found.length < 3; next = trigger.next(next)) found.push(next);
  return found;
}

const later = (at: Date, milliseconds: number) => new Date(at.getTime() + milliseconds);
/** An instant in [from, to). */
const between = (from: Date, to: Date, fraction: number) =>
  later(from, Math.floor((to.getTime() - from.getTime()) * fraction));
const rises = (instants: number[]) => instants.every((instant, index) => index === 0 || instant > instants[index - 1]!);

describe('a trigger of any kind, in every time zone, around its DST changes', () => {
  it('has strictly ascending occurrences, the same ones each time', () => {
    inEveryZone(({ again, at, found }) => {
      expect(rises([at, ...found].map(Number))).toBe(true);
      expect(following(again, at)).toEqual(found);
    });
  });

  it('has the same occurrences backwards', () => {
    inEveryZone(({ trigger, at, before, found }) => {
      expect(Number(before)).toBeLessThanOrEqual(at.getTime());
      const all = [before, ...found];
      found.forEach((occurrence, index) => expect(trigger.previous(occurrence)).toEqual(all[index]));
      for (const occurrence of before ? [before, ...found] : found) {
        expect(trigger.previous(later(occurrence, 1))).toEqual(occurrence);
        expect(trigger.next(later(occurrence, -1))).toEqual(occurrence);
      }
      expect(before && trigger.next(before)).toEqual(before && (found[0] ?? null));
    });
  });

  it('finds no occurrence between two neighbours, and counts the same number', () => {
    inEveryZone(({ trigger, at, before, found, fraction }) => {
      const all = [before ?? at, ...found];
      found.forEach((occurrence, index) => {
        const somewhere = between(all[index]!, occurrence, fraction);
        expect(trigger.next(somewhere)).toEqual(occurrence);
        expect(trigger.previous(later(somewhere, 1))).toEqual(index === 0 ? before : all[index]);
      });
      expect(trigger.count(later(at, 1), found.at(-1) ?? at, 3)).toBe(found.length);
    });
  });

  it('starts each occurrence before the next one is due', () => {
    inEveryZone(({ trigger, found }) => {
      const starts = found.flatMap((occurrence) => [
        occurrence.getTime(),
        occurrence.getTime() + trigger.delay(occurrence),
      ]);
      expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    });
  });
});

import * as fc from 'fast-check';
import { jobRow } from '../../../test/support/jobs.js';
import { type Row, rowsByHand, type Situation } from '../../../test/support/policies-by-hand.js';
import { cases } from '../../../test/support/triggers.js';
import type { RunDraft } from '../../runs/lifecycle/create-runs.js';
import { decide } from './decide.js';

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
const bounds = { startAt: null, endAt: null, jitterSeconds: 0 };
const cron = (expression: string) => ({ type: 'cron', expression, timeZone: 'UTC', ...bounds }) as const;

/** A trigger whose occurrences are `offset + n × every`, in milliseconds since 1970-01-01, a Thursday. */
interface Grid {
  trigger: Extract<Parameters<typeof decide>[0]['trigger'], { type: 'cron' | 'interval' }>;
  offset: number;
  every: number;
}

const number = (min: number, max: number) => fc.integer({ min, max });
const grids: fc.Arbitrary<Grid> = fc.oneof(
  fc
    .tuple(fc.oneof(number(100, 5_000), number(100, 2 * DAY)), number(0, 2_000_000_000_000))
    .map(([every, offset]): Grid => {
      const anchor = new Date(offset).toISOString();
      return { trigger: { type: 'interval', everySeconds: every / SECOND, anchor, ...bounds }, offset, every };
    }),
  fc.constant<Grid>({ trigger: cron('* * * * *'), offset: 0, every: MINUTE }),
  number(0, 59).map((minute): Grid => ({ trigger: cron(`${minute} * * * *`), offset: minute * MINUTE, every: HOUR })),
  fc
    .tuple(number(0, 23), number(0, 59))
    .map(([h, m]): Grid => ({ trigger: cron(`${m} ${h} * * *`), offset: h * HOUR + m * MINUTE, every: DAY })),
  fc.tuple(number(0, 6), number(0, 23)).map(([day, h]): Grid => ({
    trigger: cron(`0 ${h} * * ${day}`),
    offset: ((day + 3) % 7) * DAY + h * HOUR,
    every: 7 * DAY,
  })),
);

const few = fc.constantFrom(0, 0, 0, 1, 2);
const unfinished = fc.record({ running: few, waiting: few, held: few });
const situations = fc.record({
  grid: grids,
  /** `around`: the first occurrence without a row is the next one from this time on. `due`: how many occurrences are due. `late`: how
   *  long after the last of them the decision is made, as a part of an interval. */
  around: number(Date.UTC(2024, 0), Date.UTC(2030, 0)),
  due: fc.oneof(
    { weight: 20, arbitrary: fc.oneof(number(0, 1), number(1, 6), number(0, 60)) },
    fc.constantFrom(10_000, 10_001),
  ),
  late: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
  /** The grace period in intervals. `exact`: it ends exactly at an occurrence. */
  grace: fc.record({ intervals: number(0, 8), exact: fc.boolean() }),
  maxCatchUp: fc.oneof(number(1, 5), number(1, 100)),
  policy: fc.constantFrom('skip' as const, 'once' as const, 'all' as const),
  overlap: fc.constantFrom('allow' as const, 'skip' as const, 'queue' as const, 'replace' as const),
  paused: fc.constantFrom(false, false, false, true),
  /** How long ago the last pause of the scheduler ended, in occurrences. */
  resumed: fc.option(number(0, 10), { freq: 2 }),
  scheduled: unfinished,
  catchUp: unfinished,
});

/** The row that a draft becomes. */
const rowOf = ({ kind, state, reason, held, scheduledAt, missed }: RunDraft): Row => ({
  kind: kind as Row['kind'],
  state,
  reason,
  held,
  at: scheduledAt.getTime(),
  ...(missed && { range: { to: missed.to.getTime(), count: missed.count } }),
});

const isScheduled = ({ kind, state }: Row) => kind === 'schedule' && state === 'pending';

it('decide creates the same rows as an independent implementation of the policies', () => {
  fc.assert(
    fc.property(situations, ({ grid, around, due, late, grace, resumed, policy, maxCatchUp, ...chosen }) => {
      const { trigger, offset, every } = grid;
      const first = offset + Math.ceil((around - offset) / every) * every;
      const instants = Array.from({ length: due + 2 }, (_, index) => first + index * every);
      // At or after the last due instant, and before the next one.
      const now = first + (due - 1) * every + Math.floor(every * late);
      const graceMs = grace.exact ? now - (first + (due - 1 - grace.intervals) * every) : grace.intervals * every + 1;
      const misfire = { policy, maxCatchUp, graceSeconds: Math.max(0, graceMs) / SECOND };
      const resumedAt = resumed === null ? null : now - resumed * every;
      const situation: Situation = { ...chosen, instants, now, misfire, resumedAt };

      const at = new Date(first);
      const { paused, overlap, scheduled: schedule, catchUp } = chosen;
      const job = jobRow('any', { trigger, misfire, overlap, paused, nextOccurrenceAt: at, nextRunAt: at });
      const moment = { now: new Date(now), resumedAt: resumedAt === null ? null : new Date(resumedAt) };
      const { drafts, next, replaces } = decide(job, moment, { schedule, catchUp });

      const expected = rowsByHand(situation);
      expect(drafts.map(rowOf)).toEqual(expected.rows);
      expect(next.nextOccurrenceAt?.getTime()).toBe(expected.next);
      expect(replaces).toBe(overlap === 'replace' && expected.rows.some(isScheduled));
    }),
    cases(400),
  );
});

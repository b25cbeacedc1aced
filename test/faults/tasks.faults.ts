import type { Grid } from './checker/plan.js';
import { Fleet } from './fleet.js';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.open();
});
afterEach(() => fleet.close());

/** The first job blocks its process for `holdMs` at its second occurrence. */
const blocker =
  (holdMs: number) =>
  (index: number, { fromMs, everyMs }: Grid) =>
    index > 0
      ? {}
      : {
          input: { holdMs, spinFrom: fromMs + everyMs, spinUntil: fromMs + 2 * everyMs },
          onInterruption: 'fail' as const,
        };

describe('a task that', () => {
  it('ignores its abort signal', async () => {
    const load = { jobs: 5, everyMs: 3_600_000, seconds: 1, holdMs: [14_000, 14_000] as [number, number] };
    await fleet.start({ ...load, definition: { onInterruption: 'fail', input: { deaf: true }, timeoutSeconds: 1 } });
    await fleet.untilBegun(15_500);
    const [ended] = await fleet.query(
      `SELECT count(*)::int AS ended, max(finished_at - started_at) < interval '12 s' AS "inTime" FROM cronzimus.runs
       WHERE state = 'timed_out'`,
    );
    await fleet.judge();
    expect(ended).toEqual({ ended: fleet.plans.length, inTime: true });
  });

  it('blocks its process for ever', async () => {
    await fleet.start({ jobs: 40, everyMs: 2_000, seconds: 16, holdMs: [50, 500], each: blocker(3_600_000) });
    // The watchdog kills a process whose event loop has been blocked for 10 s.
    const blocked = fleet.from + fleet.plans[0]!.grids[0]!.everyMs;
    await fleet.untilBegun();
    const endedAfterMs = (await fleet.untilOneEnds(30_000)) - blocked;
    await fleet.judge({ endedAfterMs });
    expect(endedAfterMs).toBeGreaterThan(9_000);
    expect(
      await fleet.query(`SELECT state, reason FROM cronzimus.runs WHERE job = 'job-0' AND state <> 'succeeded'`),
    ).toEqual([{ state: 'failed', reason: 'worker_lost' }]);
  });
});

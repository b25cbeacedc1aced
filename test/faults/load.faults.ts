import type { Plan } from './checker.js';
import { Fleet } from './fleet.js';

let fleet: Fleet;
afterEach(() => fleet.close());

const HOUR_MS = 3_600_000;

describe('more than usual', () => {
  it('10,000 jobs due in one second', async () => {
    fleet = await Fleet.open('10,000 jobs in one second');
    const load = { jobs: 10_000, everyMs: HOUR_MS, seconds: 1, holdMs: [0, 0] as [number, number], leadMs: 32_000 };
    const variables = { WORKER_CONCURRENCY: '200' };
    await fleet.start(load, 3, [variables, variables, variables]);
    await fleet.judge();
  });

  it('the API takes all connections that it may', async () => {
    fleet = await Fleet.open('pool exhausted by requests');
    const variables = { DATABASE_POOL_MAX: '2' };
    await fleet.start({ jobs: 50, everyMs: 2_000, seconds: 10, holdMs: [50, 500] }, 2, [variables, variables]);
    await fleet.untilBegun();
    const answers = new Map<number, number>();
    const clients = Array.from({ length: 20 }, async (_, index) => {
      while (Date.now() < fleet.until) {
        const { address } = fleet.replicas[index % 2]!;
        const { status } = await fetch(`${address}/api/v1/runs?limit=500`).then(
          async (answer) => (await answer.text(), answer),
        );
        answers.set(status, (answers.get(status) ?? 0) + 1);
      }
    });
    await Promise.all(clients);
    await fleet.judge({ answers: Object.fromEntries(answers) });
    expect([...answers.keys()].filter((status) => ![200, 503].includes(status))).toEqual([]);
  });
});

describe('tasks that misbehave', () => {
  it('do not heed their signal', async () => {
    fleet = await Fleet.open('tasks that ignore their signal');
    const load = {
      jobs: 5,
      everyMs: HOUR_MS,
      seconds: 1,
      holdMs: [14_000, 14_000] as [number, number],
      onInterruption: 'fail' as const,
    };
    await fleet.start({ ...load, inputOf: () => ({ deaf: true }), definition: { timeoutSeconds: 1 } });
    await fleet.untilBegun(15_500);
    const [ended] = await fleet.query(
      `SELECT count(*)::int AS ended, max(finished_at - started_at) < interval '12 s' AS "inTime" FROM cronzimus.runs
       WHERE state = 'timed_out'`,
    );
    await fleet.judge();
    expect(ended).toEqual({ ended: fleet.plans.length, inTime: true });
  });
});

describe('a task that loops', () => {
  it('for 15 s: its process looks dead, and what shares it is taken over', async () => {
    fleet = await Fleet.open('a task that blocks its process');
    await fleet.start({ jobs: 40, everyMs: 2_000, seconds: 18, holdMs: [50, 500], inputOf: onceOfTheFirst });
    await fleet.judge();
  });
});

/** The first job blocks its process at its second occurrence. */
const onceOfTheFirst = (index: number, { fromMs, everyMs }: Plan) =>
  index === 0 ? { holdMs: 15_000, spinFrom: fromMs + everyMs, spinUntil: fromMs + 2 * everyMs } : {};

describe('clocks of replicas that are off', () => {
  it('by an hour, one behind and one ahead', async () => {
    fleet = await Fleet.open('clocks off by ±1 h');
    const clocks = [{ CLOCK_OFF_MS: String(-HOUR_MS) }, { CLOCK_OFF_MS: String(HOUR_MS) }];
    await fleet.start({ jobs: 100, everyMs: 2_000, seconds: 8, holdMs: [50, 500] }, 3, clocks);
    await fleet.judge();
  });
});

import { Fleet } from './fleet.js';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.open();
});
afterEach(() => fleet.close());

describe('more than usual:', () => {
  it('10,000 jobs due in one second', async () => {
    const crowd = { WORKER_CONCURRENCY: '200' };
    const load = { jobs: 10_000, everyMs: 3_600_000, seconds: 1, leadMs: 40_000 };
    await fleet.start({ ...load, holdMs: [0, 0] }, [crowd, crowd, crowd]);
    await fleet.judge();
  });

  it('requests for all connections that the API may have', async () => {
    const narrow = { DATABASE_POOL_MAX: '2' };
    await fleet.start({ jobs: 50, everyMs: 2_000, seconds: 8, holdMs: [50, 500] }, [narrow, narrow]);
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

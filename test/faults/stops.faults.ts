import { Fleet } from './fleet.js';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.open();
});
afterEach(() => fleet.close());

describe('SIGTERM', () => {
  it('of each replica in turn, its successor started first', async () => {
    await fleet.start({ jobs: 100, everyMs: 2_000, holdMs: [50, 500], seconds: 5, restarts: 3 });
    await fleet.untilBegun(500);
    for (const replica of fleet.replicas.slice()) {
      await fleet.startReplica();
      await fleet.endInOrder(replica);
    }
    await fleet.judge();
  });

  it('of each replica at the full minute at which all jobs are due', async () => {
    await fleet.start({ jobs: 300, cron: true, seconds: 0, holdMs: [50, 500], leadMs: 8_000 });
    const old = fleet.replicas.slice();
    await fleet.untilBegun(-5_000);
    await Promise.all([fleet.startReplica(), fleet.startReplica(), fleet.startReplica()]);
    // One just before, one at the full minute, one just after.
    await Promise.all(
      old.map(async (replica, index) => {
        await fleet.untilBegun((index - 1) * 100);
        await fleet.endInOrder(replica);
      }),
    );
    await fleet.judge();
  });
});

describe('SIGSTOP', () => {
  it('of one replica for 15 s, then SIGCONT', async () => {
    // Long enough that the attempt of the other replica still runs when the stopped one continues.
    await fleet.start({ jobs: 60, everyMs: 5_000, seconds: 20, holdMs: [4_000, 8_000] });
    await fleet.untilBegun(3_000);
    const { child } = fleet.anyReplica();
    child.kill('SIGSTOP');
    await fleet.pause(15_000);
    child.kill('SIGCONT');
    await fleet.judge();
  });
});

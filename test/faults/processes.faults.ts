import { eventually } from '../support/eventually.js';
import { Fleet } from './fleet.js';

const LOAD = { jobs: 200, everyMs: 2_000, holdMs: [50, 500] as [number, number] };

let fleet: Fleet;
afterEach(() => fleet.close());

describe('replicas that are killed', () => {
  it('kill -9 at any instant, again and again, with restarts', async () => {
    fleet = await Fleet.open('kill -9');
    await fleet.start({ ...LOAD, seconds: 24 });
    await fleet.untilBegun(500);
    while (Date.now() < fleet.until - 2_000) {
      await fleet.killAndReplace(fleet.anyReplica(), fleet.random() * 1_000);
      await fleet.pause(fleet.random() * 500);
    }
    await fleet.judge();
  });

  it('kill -9 of all replicas at once', async () => {
    fleet = await Fleet.open('kill -9 of all');
    await fleet.start({ ...LOAD, seconds: 8 });
    await fleet.untilBegun(2_000 + fleet.random() * 1_000);
    await Promise.all(fleet.replicas.slice().map((replica) => fleet.killAndReplace(replica, 1_000)));
    await fleet.judge();
  });
});

describe('all replicas killed in the middle of a transaction', () => {
  it.each([
    ['of a claim, between fetch and start', 'cronzimus.runs', 'UPDATE', `NEW.state = 'running'`],
    ['of a dispatch, between its rows and their tickets', 'cronzimus_queue.job', 'INSERT', 'true'],
    ['of a settlement, before its commit', 'cronzimus.runs', 'UPDATE', `NEW.state = 'succeeded'`],
  ])('%s', async (which, table, event, condition) => {
    fleet = await Fleet.open(`kill -9 in the middle ${which}`);
    await fleet.placeHold(table, event, condition);
    await fleet.start({ ...LOAD, jobs: 100, seconds: 10 });
    await fleet.untilBegun(500);
    for (let round = 0; round < 2; round += 1) {
      await fleet.whileHeld(async () => {
        await eventually(async () => expect(await fleet.heldSessions()).toBeGreaterThan(0));
        await Promise.all(fleet.replicas.slice().map((replica) => fleet.kill(replica)));
      });
      await Promise.all([fleet.startReplica(), fleet.startReplica(), fleet.startReplica()]);
      await fleet.pause(fleet.random() * 1_000);
    }
    await fleet.judge();
  });
});

describe('replicas that are stopped', () => {
  it('SIGTERM, one after the other, each replaced first', async () => {
    fleet = await Fleet.open('rolling SIGTERM');
    await fleet.start({ ...LOAD, seconds: 14 });
    await fleet.untilBegun(500);
    for (const replica of fleet.replicas.slice()) {
      await fleet.startReplica();
      await fleet.endInOrder(replica);
    }
    await fleet.judge();
  });

  it('SIGSTOP for 15 s, then SIGCONT', async () => {
    fleet = await Fleet.open('SIGSTOP');
    // Long enough that the attempt that takes over still runs when the stopped one wakes up.
    await fleet.start({ jobs: 60, everyMs: 5_000, seconds: 22, holdMs: [4_000, 8_000] });
    await fleet.untilBegun(4_000);
    const { child } = fleet.anyReplica();
    child.kill('SIGSTOP');
    await fleet.pause(15_000);
    child.kill('SIGCONT');
    await fleet.judge();
  });
});

import { eventually } from '../support/eventually.js';
import { clockOff, SteppedClock } from './faketime.js';
import { Fleet } from './fleet.js';
import { OwnServer } from './server.js';

const HOUR = 3_600;

let fleet: Fleet;
let server: OwnServer | undefined;
afterEach(async () => {
  await fleet?.close();
  await server?.stop();
  server = undefined;
});

describe('the clock of a replica,', () => {
  it('an hour behind in one, an hour ahead in another', async () => {
    const clocks = [clockOff(-HOUR), clockOff(HOUR), {}];
    fleet = await Fleet.open();
    await fleet.start({ jobs: 100, everyMs: 2_000, seconds: 8, holdMs: [50, 500] }, clocks);
    await fleet.judge();
  });
});

describe('the clock of the database,', () => {
  let clock: SteppedClock;

  /** Records the step before and after the change, so that what happens in between may count as either. */
  async function setClock(aheadSeconds: number): Promise<void> {
    const [before, last] = [Date.now(), fleet.steps.at(-1)!.aheadMs];
    await clock.set(aheadSeconds);
    const aheadMs = aheadSeconds * 1_000;
    fleet.steps.push({ at: aheadMs > last ? before : Date.now(), aheadMs });
  }

  beforeEach(async () => {
    clock = await SteppedClock.make();
    server = await OwnServer.start(clock.variables);
    fleet = await Fleet.open(server.url);
    fleet.steps.push({ at: 0, aheadMs: 0 });
  });

  it('set back by an hour, put right, and set forward by an hour', async () => {
    const policies = ['skip', 'once', 'all'] as const;
    const each = (index: number) => ({
      misfire: { policy: policies[index % 3]!, graceSeconds: 10, maxCatchUp: 3 },
    });
    const narrow = { WORKER_CONCURRENCY: '3' };
    const load = { jobs: 30, everyMs: 2_000, seconds: HOUR + 13, holdMs: [300, 700] as [number, number], each };
    await fleet.start(load, [narrow, narrow, narrow]);
    await fleet.untilBegun(3_000);

    await setClock(-HOUR);
    await fleet.pause(500);
    const queued = await fleet.count('true');
    const left = async () => [await fleet.count(`state = 'pending'`), await fleet.count(`state = 'running'`)];
    const waiting = await left();
    await fleet.pause(4_000);
    expect(await fleet.count('true')).toBe(queued);
    const waitingStill = await left();

    await setClock(0);
    await eventually(async () => expect(await fleet.count('true')).toBeGreaterThan(queued + 30));
    await fleet.pause(1_000);
    await setClock(HOUR);
    const { figures } = await fleet.judge({ waiting, waitingStill });
    expect(figures.missed).toBeGreaterThan(30 * 1_000);
  });
});

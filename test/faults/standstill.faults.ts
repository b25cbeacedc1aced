import { Fleet } from './fleet.js';
import { OwnServer } from './server.js';

let fleet: Fleet;
let server: OwnServer;
beforeEach(async () => {
  server = await OwnServer.start();
  fleet = await Fleet.open(server.url);
});
afterEach(async () => {
  await fleet.close();
  await server.stop();
});

/** Waits until no run is unfinished that was already unfinished when the database came back, for at most a minute. */
async function nothingStuckAfterAMinute(healedAt: number): Promise<void> {
  const stuck = `finished_at IS NULL AND queued_at < '${new Date(healedAt).toISOString()}'`;
  while (Date.now() < healedAt + 60_000 && (await fleet.count(stuck)) > 0) await fleet.pause(500);
  expect(await fleet.query(`SELECT job, state, reason, attempt FROM cronzimus.runs WHERE ${stuck} LIMIT 5`)).toEqual(
    [],
  );
}

describe('a database that stands still for 14 s, again and again,', () => {
  it.each<['effect' | 'book', string]>([
    ['effect', 'under tasks'],
    ['book', 'under transactional tasks'],
  ])('%s: %s', async (task) => {
    await fleet.start({ jobs: 60, everyMs: 2_000, seconds: 50, holdMs: [20, 600], task });
    await fleet.untilBegun(1_000);
    for (let times = 0; times < 3; times += 1) {
      await server.standStill(14_000);
      await fleet.pause(1_000 + fleet.random() * 3_000);
    }
    await nothingStuckAfterAMinute(Date.now());
    await fleet.judge();
  });
});

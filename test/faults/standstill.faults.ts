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
    await fleet.nothingStuckAfterAMinute(Date.now());
    await fleet.judge();
  });
});

import { Fleet } from './fleet.js';
import { Proxy } from './proxy.js';

let fleet: Fleet;
let proxy: Proxy;
afterEach(async () => {
  await fleet.close();
  await proxy.close();
});

async function givenFleet(scenario: string, seconds: number, holdMs: [number, number]): Promise<void> {
  fleet = await Fleet.open(scenario);
  proxy = await Proxy.to(fleet.url);
  await fleet.start({ jobs: 100, everyMs: 2_000, seconds, holdMs }, 3, [{ DATABASE_URL: proxy.url }]);
  await fleet.untilBegun(1_000);
}

describe('a bad way from one replica to the database', () => {
  it('slow and cut, again and again', async () => {
    await givenFleet('network that delays and cuts', 12, [50, 500]);
    while (Date.now() < fleet.until - 1_000) {
      proxy.delay(fleet.random() * 100);
      await fleet.pause(fleet.random() * 1_500);
      proxy.cut();
    }
    proxy.delay(0);
    await fleet.judge();
  });

  it('silent for 15 s', async () => {
    await givenFleet('network silent for 15 s', 20, [300, 3_000]);
    proxy.hush();
    await fleet.pause(15_000);
    proxy.speak();
    await fleet.judge();
  });

  it('silent for good', async () => {
    await givenFleet('network silent for good', 14, [300, 3_000]);
    proxy.hush();
    await fleet.judge();
  });
});

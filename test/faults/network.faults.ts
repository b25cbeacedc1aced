import { Fleet } from './fleet.js';
import { Proxy } from './proxy.js';

let fleet: Fleet;
const proxies: Proxy[] = [];
afterEach(async () => {
  await fleet.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

/** Three replicas, of which the first `ways` have a proxy of their own before the database. */
async function givenFleet(ways: number, seconds: number, holdMs: [number, number]): Promise<void> {
  fleet = await Fleet.open();
  for (let way = 0; way < ways; way += 1) proxies.push(await Proxy.to(fleet.url));
  const variables = [0, 1, 2].map((index) => ({ DATABASE_URL: proxies[index]?.url ?? fleet.url }));
  await fleet.start({ jobs: 100, everyMs: 2_000, seconds, holdMs }, variables);
  await fleet.untilBegun(1_000);
}

describe('a way to the database that is', () => {
  it('slow and cut, again and again', async () => {
    await givenFleet(1, 10, [50, 500]);
    const [proxy] = proxies;
    while (Date.now() < fleet.until - 1_000) {
      proxy!.delay(fleet.random() * 100);
      await fleet.pause(fleet.random() * 1_500);
      proxy!.cut();
    }
    proxy!.delay(0);
    await fleet.judge();
  });

  it('silent for 15 s for one replica, and for good for another', async () => {
    await givenFleet(2, 19, [300, 3_000]);
    for (const proxy of proxies) proxy.stall();
    await fleet.pause(15_000);
    proxies[0]!.resume();
    await fleet.judge();
  });
});

import { runSql } from '../support/run-sql.js';
import { Fleet } from './fleet.js';
import type { Load } from './load.js';
import { Proxy } from './proxy.js';
import { OwnServer } from './server.js';

let fleet: Fleet;
let server: OwnServer | undefined;
const proxies: Proxy[] = [];
afterEach(async () => {
  await fleet.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  await server?.stop();
  server = undefined;
});

const load = (seconds: number): Load => ({ jobs: 100, everyMs: 2_000, seconds, holdMs: [300, 3_000] });

async function givenFleetOnItsOwnServer(seconds: number): Promise<OwnServer> {
  server = await OwnServer.start();
  fleet = await Fleet.open(server.url);
  await fleet.start(load(seconds));
  await fleet.untilBegun(2_000);
  return server;
}

/** Each replica has a direct way of its own to the database, and its pools have another. */
async function givenDirectWays(seconds: number): Promise<void> {
  fleet = await Fleet.open();
  for (let way = 0; way < 3; way += 1) proxies.push(await Proxy.to(fleet.url));
  await fleet.start(
    load(seconds),
    proxies.map(({ url }) => ({ DATABASE_DIRECT_URL: url })),
  );
  await fleet.untilBegun(2_000);
}

const serverUrl = () => process.env['TEST_DATABASE_URL']!;
const databaseName = () => new URL(fleet.url).pathname.slice(1);
const endSessions = () =>
  runSql(
    serverUrl(),
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = '${databaseName()}' AND application_name = 'cronzimus session'`,
  );

/** Expects that no run of a live process ended as lost, that no attempt ended for a reason other than these, and that nothing else is
 *  wrong either. */
async function judge(...reasons: string[]): Promise<void> {
  await fleet.judge();
  expect(await fleet.count(`reason = 'worker_lost' OR interruptions > 0`)).toBe(0);
  const ended = await fleet.query(`SELECT DISTINCT error->>'code' AS code FROM cronzimus.run_attempts ORDER BY 1`);
  expect(ended.map(({ code }) => code).filter((code) => !reasons.includes(code as string))).toEqual([]);
}

describe('live replicas are not taken for dead:', () => {
  it('a database that is read-only for 12 s', async () => {
    const own = await givenFleetOnItsOwnServer(20);
    await own.set({ default_transaction_read_only: 'on' });
    await fleet.pause(12_000);
    await own.set({});
    await judge();
  });

  it('a synchronous standby that is silent for 25 s, so that commits hang', async () => {
    const own = await givenFleetOnItsOwnServer(35);
    await own.set({ synchronous_standby_names: 'nobody' });
    await fleet.pause(25_000);
    await own.set({});
    // From the inside this looks like a network that is cut. Some tasks wait for a connection when their signal aborts.
    await judge('DATABASE_SILENT', 'NO_CONNECTION');
  });

  it('the direct way of all replicas refused for 30 s, while their pools work', async () => {
    await givenDirectWays(35);
    for (const proxy of proxies) proxy.refuse();
    await fleet.pause(30_000);
    for (const proxy of proxies) proxy.accept();
    await judge();
  });

  it('presence sessions that the server drops, and that their clients do not miss for 25 s', async () => {
    await givenDirectWays(30);
    for (const proxy of proxies) proxy.drop();
    await fleet.pause(25_000);
    for (const proxy of proxies) proxy.cut();
    await judge();
  });

  it('presence sessions that are cut while no connections are left, for 15 s', async () => {
    fleet = await Fleet.open();
    await fleet.start(load(20));
    await fleet.untilBegun(2_000);
    await runSql(serverUrl(), `ALTER DATABASE ${databaseName()} CONNECTION LIMIT 0`);
    await endSessions();
    await fleet.pause(15_000);
    await runSql(serverUrl(), `ALTER DATABASE ${databaseName()} CONNECTION LIMIT -1`);
    await judge();
  });
});

import { Fleet } from './fleet.js';
import { OwnServer } from './server.js';

let fleet: Fleet;
let server: OwnServer | undefined;
afterEach(async () => {
  await fleet.close();
  await server?.stop();
  server = undefined;
});

const inFlight = async () => {
  const [row] = await fleet.query(`SELECT count(*)::int AS running FROM cronzimus.runs WHERE state = 'running'`);
  return row!['running'] as number;
};
const interruptions = async () => {
  const [row] = await fleet.query(
    `SELECT count(*) FILTER (WHERE reason = 'worker_lost' OR interruptions > 0)::int AS lost FROM cronzimus.runs`,
  );
  return row!['lost'] as number;
};

describe('a database that restarts', () => {
  it.each([
    ['at once', 0],
    ['after 14 s', 14_000],
  ])('-m immediate, back %s: no run of a live process is lost', async (back, awayMs) => {
    server = await OwnServer.start();
    fleet = await Fleet.open(`restart of the database, back ${back}`, server.url);
    await fleet.start({ jobs: 100, everyMs: 5_000, seconds: 16, holdMs: [3_000, 4_000] });
    await fleet.untilBegun(5_000);
    const running = await inFlight();
    expect(running).toBeGreaterThanOrEqual(50);
    await server.restartAtOnce(awayMs);
    await fleet.judge({ running, takenForLost: await interruptions() });
    expect(await interruptions()).toBe(0);
  });
});

describe('sessions that are ended', () => {
  it('all backends, again and again', async () => {
    fleet = await Fleet.open('all backends terminated');
    await fleet.start({ jobs: 200, everyMs: 2_000, seconds: 12, holdMs: [50, 500] });
    await fleet.untilBegun(1_000);
    while (Date.now() < fleet.until - 2_000) {
      await fleet.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      await fleet.pause(1_000 + fleet.random() * 2_000);
    }
    await fleet.judge({ takenForLost: await interruptions() });
    expect(await interruptions()).toBe(0);
  });

  it('all presence sessions, again and again', async () => {
    fleet = await Fleet.open('presence sessions terminated');
    await fleet.start({ jobs: 100, everyMs: 2_000, seconds: 12, holdMs: [500, 1_500] });
    await fleet.untilBegun(1_000);
    while (Date.now() < fleet.until - 1_000) {
      await fleet.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'cronzimus session'`,
      );
      await fleet.pause(200 + fleet.random() * 1_000);
    }
    await fleet.judge({ takenForLost: await interruptions() });
    expect(await interruptions()).toBe(0);
  });
});

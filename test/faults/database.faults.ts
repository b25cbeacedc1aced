import { Fleet } from './fleet.js';
import { OwnServer } from './server.js';

let fleet: Fleet;
let server: OwnServer | undefined;
afterEach(async () => {
  await fleet.close();
  await server?.stop();
  server = undefined;
});

/** Expects that no run of a live process ended as lost. */
async function judge(extra: Record<string, unknown> = {}): Promise<void> {
  const takenForLost = await fleet.count(`reason = 'worker_lost' OR interruptions > 0`);
  await fleet.judge({ ...extra, takenForLost });
  expect(await fleet.count(`reason = 'worker_lost' OR interruptions > 0`)).toBe(0);
}

describe('a database that restarts', () => {
  it.each([
    ['at once', 0],
    ['after 14 s', 14_000],
  ])('with -m immediate, and is back %s', async (_back, awayMs) => {
    server = await OwnServer.start();
    fleet = await Fleet.open(server.url);
    await fleet.start({ jobs: 100, everyMs: 5_000, seconds: 12, holdMs: [3_000, 4_000] });
    await fleet.untilBegun(5_000);
    const running = await fleet.count(`state = 'running'`);
    expect(running).toBeGreaterThanOrEqual(50);
    await server.restartAtOnce(awayMs);
    await judge({ running });
  });
});

describe('sessions that are ended:', () => {
  it('all backends, again and again', async () => {
    fleet = await Fleet.open();
    await fleet.start({ jobs: 200, everyMs: 2_000, seconds: 10, holdMs: [50, 500] });
    await fleet.untilBegun(1_000);
    while (Date.now() < fleet.until - 2_000) {
      await fleet.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      await fleet.pause(1_000 + fleet.random() * 2_000);
    }
    await judge();
  });

  it('all presence sessions, again and again', async () => {
    fleet = await Fleet.open();
    await fleet.start({ jobs: 100, everyMs: 2_000, seconds: 10, holdMs: [500, 1_500] });
    await fleet.untilBegun(1_000);
    while (Date.now() < fleet.until - 1_000) {
      await fleet.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'cronzimus session'`,
      );
      await fleet.pause(200 + fleet.random() * 1_000);
    }
    await judge();
  });
});

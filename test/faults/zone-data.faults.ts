import { eventually } from '../support/eventually.js';
import { Fleet } from './fleet.js';
import { movedZones, onOldNode } from './old-node.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const zones = movedZones();
let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.open();
});
afterEach(() => fleet.close());

describe('time zone data that change,', () => {
  it('in a rollout, with kill -9 and a rollback', async () => {
    // Whole hours move the zones, so the instants of these jobs are the same by all data, and those of the hour are not.
    const each = (index: number, grid: { anchorMs: number; fromMs: number; untilMs: number }) => {
      grid.anchorMs = Math.floor(grid.fromMs / 2_000) * 2_000;
      const { timeZone } = zones[index % zones.length]!;
      const bounds = { startAt: new Date(grid.fromMs).toISOString(), endAt: new Date(grid.untilMs).toISOString() };
      return { trigger: { type: 'cron', expression: '*/2 * * * * *', timeZone, ...bounds } };
    };
    const load = { jobs: 60, everyMs: 2_000, seconds: 20, restarts: 5, holdMs: [50, 300] as [number, number], each };
    await fleet.start(load, [onOldNode(), onOldNode()]);
    expect(await versions()).toHaveLength(1);
    await fleet.untilBegun(500);
    const [first, second] = fleet.replicas.slice();
    const newer = await fleet.startReplica();
    expect(await versions()).toHaveLength(2);
    await fleet.pause(2_000 * fleet.random());
    await fleet.kill(newer);
    await fleet.pause(3_000 * fleet.random());
    await fleet.startReplica();
    await fleet.kill(first!);
    await fleet.startReplica();
    await fleet.pause(1_000 * fleet.random());
    await fleet.endInOrder(second!);
    expect(await versions()).toHaveLength(1);
    await fleet.judge({ zones: zones.length });
  });

  it('between two starts: what ran does not run again, and what has not runs once', async () => {
    await fleet.startReplica({ ...onOldNode(), JOBS_FILE: '' });
    const now = Date.now();
    const jobs = zones.flatMap((zone) => {
      const shift = zone.newOffset - zone.oldOffset;
      /** The cron expression of a local time that is at `at` by the old data, and so at `at` - `shift` by the new data. */
      const daily = (at: number) => {
        const wall = new Date(at + zone.oldOffset);
        return `${wall.getUTCSeconds()} ${wall.getUTCMinutes()} ${wall.getUTCHours()} * * *`;
      };
      const name = zone.timeZone.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
      return [
        { ...zone, name: `${name}.ran`, expression: daily(now + 8_000), shift, oldAt: now + 8_000 },
        { ...zone, name: `${name}.ahead`, expression: daily(now + 6 * HOUR), shift, oldAt: now + 6 * HOUR },
        ...(shift > 0
          ? [{ ...zone, name: `${name}.past`, expression: daily(now + shift / 2), shift, oldAt: now + shift / 2 }]
          : []),
      ].map((job) => ({ ...job, oldAt: Math.floor(job.oldAt / 1_000) * 1_000 }));
    });
    const old = fleet.replicas[0]!;
    for (const { name, expression, timeZone } of jobs) {
      const body = { task: 'effect', input: { holdMs: 1 }, trigger: { type: 'cron', expression, timeZone } };
      const headers = { 'Content-Type': 'application/json', 'X-Cronzimus-Request': '1' };
      const request = { method: 'PUT', headers, body: JSON.stringify(body) };
      expect((await fetch(`${old.address}/api/v1/jobs/${name}`, request)).status).toBe(201);
    }
    const runs = async (kind: string) =>
      (
        await fleet.query(
          `SELECT scheduled_at FROM cronzimus.runs WHERE job LIKE '%.${kind}' AND state = 'succeeded' ORDER BY job`,
        )
      ).map(({ scheduled_at }) => (scheduled_at as Date).getTime());
    const of = (kind: string) =>
      jobs.filter(({ name }) => name.endsWith(`.${kind}`)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    await eventually(async () => expect(await runs('ran')).toEqual(of('ran').map(({ oldAt }) => oldAt)));
    await fleet.kill(old);

    await fleet.startReplica({ JOBS_FILE: '' });
    const byNewData = ({ oldAt, shift }: (typeof jobs)[number]) => oldAt - shift;
    await eventually(async () => expect(await runs('past')).toEqual(of('past').map(byNewData)));
    const next = await fleet.query(
      `SELECT name, next_occurrence_at FROM cronzimus.jobs WHERE source = 'api' ORDER BY name`,
    );
    expect(next).toEqual(
      jobs
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map((job) => {
          const at = byNewData(job) + (job.name.endsWith('.ahead') ? 0 : DAY);
          return { name: job.name, next_occurrence_at: new Date(at) };
        }),
    );
    expect(await fleet.count(`job LIKE '%.%'`)).toBe(of('ran').length + of('past').length);
  });
});

const versions = () => fleet.query('SELECT DISTINCT tz_version FROM cronzimus.replicas');

import { Fleet } from './fleet.js';
import { Hold, type Place } from './hold.js';
import type { Load } from './load.js';

const LOAD: Omit<Load, 'seconds'> = { jobs: 100, everyMs: 2_000, holdMs: [50, 500] };

let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.open();
});
afterEach(() => fleet.close());

describe('kill -9', () => {
  it('of any replica at any instant, again and again', async () => {
    await fleet.start({ ...LOAD, seconds: 10, restarts: 2 });
    await fleet.untilBegun(500);
    while (Date.now() < fleet.until - 2_000) {
      await fleet.killAndReplace(fleet.anyReplica(), fleet.random() * 1_000);
      await fleet.pause(fleet.random() * 500);
    }
    await fleet.judge();
  });

  it('of all replicas at once', async () => {
    await fleet.start({ ...LOAD, seconds: 6 });
    await fleet.untilBegun(2_000 + fleet.random() * 1_000);
    await Promise.all(fleet.replicas.slice().map((replica) => fleet.killAndReplace(replica, 1_000)));
    await fleet.judge();
  });

  it.each<['in the middle of' | 'right after the commit of', Place['when']]>([
    ['in the middle of', 'before the row'],
    ['right after the commit of', 'in the commit'],
  ])('of all replicas, %s a dispatch, a claim and a settlement', async (_name, when) => {
    const runs = 'cronzimus.runs';
    const places: Place[] = [
      { table: runs, event: 'INSERT', condition: `NEW.state = 'running'`, when },
      { table: 'cronzimus.run_queue', event: 'INSERT', condition: 'true', when },
      { table: runs, event: 'UPDATE', condition: `NEW.state = 'running' AND OLD.state <> 'running'`, when },
      { table: runs, event: 'UPDATE', condition: `NEW.state = 'succeeded'`, when },
    ];
    // Few slots, so that some runs start directly and others go through the queue.
    const few = [0, 1, 2].map(() => ({ WORKER_CONCURRENCY: '8' }));
    await fleet.start({ ...LOAD, seconds: 8, restarts: 4 }, few);
    await fleet.untilBegun(500);
    for (const place of places) {
      // A replica that is held in its COMMIT is killed before the response, and then the COMMIT succeeds.
      const hold = await Hold.place(fleet.url, place);
      const held = await hold.during(() => fleet.killAll());
      expect(held.every((statement) => statement.startsWith('COMMIT'))).toBe(when === 'in the commit');
      await Promise.all(few.map((variables) => fleet.startReplica(variables)));
      await fleet.pause(500 + fleet.random() * 500);
    }
    await fleet.judge();
  });

  it('under transactional tasks', async () => {
    await fleet.start({ ...LOAD, jobs: 60, task: 'book', seconds: 7, restarts: 2 });
    await fleet.untilBegun(500);
    while (Date.now() < fleet.until - 2_000) {
      await fleet.killAndReplace(fleet.anyReplica(), fleet.random() * 500);
      await fleet.pause(fleet.random() * 500);
    }
    await fleet.judge();
  });

  it('under each overlap and misfire policy, and no replica for 5 s', async () => {
    const overlaps = ['skip', 'queue', 'replace', 'allow'] as const;
    const misfires = ['skip', 'once', 'all'] as const;
    const each = (index: number) => ({
      overlap: overlaps[index % 4]!,
      misfire: { policy: misfires[index % 3]!, graceSeconds: 2, maxCatchUp: 2 },
    });
    await fleet.start({ jobs: 60, everyMs: 1_000, holdMs: [100, 1_800], seconds: 12, restarts: 3, each });
    await fleet.untilBegun(1_500 + fleet.random() * 1_000);
    await fleet.killAndReplace(fleet.anyReplica());
    await fleet.pause(fleet.random() * 1_000);
    await fleet.killAll();
    await fleet.pause(5_000);
    await Promise.all([fleet.startReplica(), fleet.startReplica(), fleet.startReplica()]);
    await fleet.pause(fleet.random() * 1_000);
    await fleet.killAndReplace(fleet.anyReplica());
    const { figures } = await fleet.judge();
    expect(figures.missed).toBeGreaterThan(0);
    expect(figures.skipped).toBeGreaterThan(0);
  });
});

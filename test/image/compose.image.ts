import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { check } from '../faults/checker/check.js';
import { EFFECTS } from '../faults/checker/facts.js';
import { type Load, planLoad } from '../faults/load.js';
import { randomOf, SEED } from '../faults/random.js';
import { runSql } from '../support/run-sql.js';
import { eventually } from '../support/eventually.js';
import { Compose } from './compose.js';

const SECONDS = 20;
const KILLS = 3;
const LOAD: Load = { jobs: 60, everyMs: 1_000, holdMs: [50, 1_500], seconds: SECONDS };
const OPEN = `SELECT 1 FROM cronzimus.runs WHERE state IN ('pending', 'running', 'retrying')
  UNION ALL SELECT 1 FROM cronzimus.jobs WHERE source = 'file' AND next_run_at IS NOT NULL LIMIT 1`;

const folder = mkdtempSync(join(process.env['TEST_SCRATCH']!, 'compose-'));
const compose = new Compose(folder);
const writeJobs = (jobs: object) => writeFileSync(join(folder, 'jobs.json'), JSON.stringify({ jobs }));

beforeAll(async () => {
  await compose.run('down', '--volumes');
  // The user that replicas run as has to read it.
  for (const path of [folder, process.env['TEST_SCRATCH']!]) chmodSync(path, 0o755);
  writeJobs({});
});
afterAll(() => compose.run('down', '--volumes', '--timeout', '5'));

describe('compose.yaml', () => {
  it('starts three replicas that see each other, each on a port of this machine', async () => {
    const began = Date.now();
    await compose.run('up', '--detach');
    const three = async () =>
      expect(await compose.inspect('{{.State.Health.Status}}')).toEqual(Array(3).fill('healthy'));
    await eventually(three, { within: 120_000, every: 250 });
    process.stdout.write(`from nothing to three healthy replicas: ${Date.now() - began} ms\n`);
    const key = await compose.key();
    for (const port of compose.ports) {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/scheduler`, {
        headers: { authorization: `Bearer ${key}` },
      });
      expect(((await answer.json()) as { replicas: unknown[] }).replicas).toHaveLength(3);
    }
  });

  it('makes a key of its own at the first start, and keeps it at the next', async () => {
    const key = await compose.key();
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(await compose.run('run', '--rm', '-T', 'key')).not.toContain(key);
    expect(await compose.key()).toBe(key);
  });

  it('loses and doubles nothing when replicas are killed, and restarts them', async () => {
    const random = randomOf('compose');
    await runSql(compose.database, EFFECTS);
    const planned = planLoad(LOAD, random, Date.now() + 10_000, 0);
    const plans = planned.map(({ plan }) => plan);
    writeJobs(Object.fromEntries(planned.map(({ plan, definition }) => [plan.name, definition])));
    const stored = () => runSql(compose.database, `SELECT FROM cronzimus.jobs WHERE source = 'file'`);
    await eventually(async () => expect(await stored()).toHaveLength(plans.length), { within: 10_000 });

    const from = Math.min(...plans.flatMap(({ grids }) => grids.map(({ fromMs }) => fromMs)));
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await pause(Math.max(0, from + (kill * SECONDS * 1_000) / (KILLS + 1) - Date.now()));
      // Not with `docker kill`: the engine does not restart what it was told to kill.
      const pids = (await compose.inspect('{{.State.Pid}}')).map(Number).filter((pid) => pid > 0);
      process.kill(pids[Math.floor(random() * pids.length)]!, 'SIGKILL');
    }
    await pause(Math.max(0, from + SECONDS * 1_000 - Date.now()));
    const quiet = async () => expect(await runSql(compose.database, OPEN)).toEqual([]);
    // The checker reports what is left.
    await eventually(quiet, { within: 30_000, every: 250 }).catch(() => {});

    const { violations, figures } = await check(compose.database, plans);
    process.stdout.write(`compose.yaml, ${KILLS} kills (seed ${SEED}): ${JSON.stringify(figures)}\n`);
    expect(violations).toEqual([]);
    const restarts = await compose.inspect('{{.RestartCount}}');
    expect(restarts.reduce((sum, count) => sum + Number(count), 0)).toBe(KILLS);
  });
});

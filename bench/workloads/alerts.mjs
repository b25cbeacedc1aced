import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ask } from '../support/ask.mjs';
import { drain } from '../support/drain.mjs';
import { createEachSecond } from '../support/jobs.mjs';
import { quantile } from '../support/numbers.mjs';
import { inRounds } from '../support/rounds.mjs';
import { startServiceWithTasks } from '../support/service.mjs';

export const title = 'alerts';
export const about =
  'throughput and lateness while every job has alerts of all conditions but tooShort, beside the same without alerts: 20,000 runs due ' +
  'together, and 100 occurrences a second. All runs succeed';

export const key = 'runs/s';
export const reference = 'without';

const A_SECOND = 100;
const to = ['log'];
/** Limits that no run reaches, so that only what watches them costs something. */
const alerts = [
  { when: 'failed', to },
  { when: 'recovered' },
  { when: 'missed', to },
  { when: 'late', seconds: 300, to },
  { when: 'tooLong', seconds: 300, to },
  { when: 'noSuccess', hours: 24, to },
  { when: 'skipped', times: 100, to },
];

export async function run({ postgres, quick }) {
  const runs = quick ? 2_000 : 20_000;
  const seconds = quick ? 2 : 20;
  const folder = await mkdtemp(join(tmpdir(), 'cronzimus-bench-'));
  const file = join(folder, 'channels.yaml');
  await writeFile(file, JSON.stringify({ alerts: alerts }));
  const measure = (variables) => async () => ({
    ...(await postgres.withDatabase((url) => drain(url, { runs, variables }))),
    ...(await postgres.withDatabase((url) => lateness({ DATABASE_URL: url, ...variables }, seconds))),
  });
  try {
    return await inRounds(quick ? 1 : 3, [
      { name: 'without', settings: 'defaults', run: measure({}) },
      { name: 'with', settings: 'CHANNELS_FILE with alerts for all jobs', run: measure({ CHANNELS_FILE: file }) },
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function lateness(variables, seconds) {
  const service = await startServiceWithTasks(variables);
  try {
    await createEachSecond(service, A_SECOND, { task: 'noop', overlap: 'allow' });
    await setTimeout(3_000);
    const before = await ask(service.child, 'count');
    await setTimeout(seconds * 1000);
    const found = (await ask(service.child, 'lateness')).slice(before);
    return { 'p50 ms': quantile(found, 0.5), 'p99 ms': quantile(found, 0.99) };
  } finally {
    await service.stop();
  }
}

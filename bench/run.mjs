// Cronzimus beside its peers: node bench/run.mjs [--quick] [names of workloads]. See README.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { calibrate } from './support/calibrate.mjs';
import { startPostgres } from './support/postgres.mjs';
import { startRedis } from './support/redis.mjs';
import { settingsOf, tableOf, verdicts } from './support/report.mjs';
import { judge } from './targets.mjs';
import * as alerts from './workloads/alerts.mjs';
import * as burst from './workloads/burst.mjs';
import * as failover from './workloads/failover.mjs';
import * as history from './workloads/history.mjs';
import * as lateness from './workloads/lateness.mjs';
import * as scale from './workloads/scale.mjs';
import * as throughput from './workloads/throughput.mjs';
import * as viewers from './workloads/viewers.mjs';

const RESULTS = join(import.meta.dirname, 'results');

const words = process.argv.slice(2);
const quick = words.includes('--quick');
const wanted = words.filter((word) => !word.startsWith('--'));
const all = [lateness, burst, throughput, scale, failover, history, viewers, alerts];
const chosen = all.filter(({ title }) => wanted.length === 0 || wanted.includes(title));
if (chosen.length < (wanted.length || 1)) {
  process.stderr.write(`known workloads: ${all.map(({ title }) => title).join(', ')}\n`);
  process.exit(1);
}

const begunAt = new Date();
const postgres = await startPostgres();
const redis = await startRedis();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop().finally(() => process.exit(1)));
try {
  const machine = { cpus: cpus().length, model: cpus()[0].model, memoryGb: Math.round(totalmem() / 2 ** 30) };
  const about = { begunAt, quick, node: process.version, machine, postgres: postgres.settings, redis: redis?.settings };
  const before = await calibrate(postgres);
  console.log(JSON.stringify({ ...about, speed: before }, null, 2));
  if (!redis) console.log('redis-server is not on PATH, so BullMQ on Redis is left out: apt-get install redis-server');
  const workloads = [];
  for (const { run, ...workload } of chosen) {
    process.stderr.write(`${workload.title}\n`);
    const results = await run({ postgres, redis, quick });
    workloads.push({ ...workload, results });
    console.log(tableOf(workload, results));
  }
  console.log(settingsOf(workloads.flatMap(({ results }) => results)));
  const speed = { before, after: await calibrate(postgres) };
  console.log(`\nspeed of the machine: ${JSON.stringify(speed)}`);
  const targets = judge(workloads);
  console.log(verdicts(targets.filter(({ met }) => met !== null)));
  await mkdir(RESULTS, { recursive: true });
  const file = join(RESULTS, `${begunAt.toISOString().replaceAll(':', '-')}.json`);
  await writeFile(file, JSON.stringify({ ...about, speed, workloads, targets }, null, 2));
  console.log(`\nin ${Math.round((Date.now() - begunAt) / 1000)} s, all values in ${file}`);
} finally {
  await stop();
}

async function stop() {
  await redis?.stop();
  await postgres.stop();
}

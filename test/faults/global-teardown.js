import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { globalTeardown } from '../support/global-teardown.js';

/** Prints what all files have measured as one table, as docs/guarantees.md has it. */
export default async function faultsTeardown() {
  const results = read(join(process.env.TEST_SCRATCH, 'results.jsonl'));
  if (results.length > 0) process.stdout.write(`\nseed ${process.env.SEED}\n\n${table(results)}\n\n`);
  await globalTeardown();
}

function read(file) {
  try {
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line)).toSorted((one, other) => (one.scenario < other.scenario ? -1 : 1));
  } catch {
    return [];
  }
}

function table(results) {
  const rows = results.map(({ scenario, occurrences, lost, doubled, recoveryMs, latenessMs, violations }) => [
    `${violations > 0 ? '✗ ' : ''}${scenario}`,
    occurrences.toLocaleString('en'),
    lost,
    doubled,
    recoveryMs?.runs > 0 ? `${seconds(recoveryMs.median)} / ${seconds(recoveryMs.max)}` : '-',
    seconds(latenessMs.max),
  ]);
  const head = ['scenario', 'occurrences', 'lost', 'doubled', 'recovery: median / max', 'latest start'];
  return [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

// Attacks a running service, and reports what each attack cost:
// node test/attack/run.mjs [--quick] [--seconds=270] [ids of attacks]. `make attack` runs this. See CONTRIBUTING.md.
import { attacks as bodies } from './bodies.mjs';
import { attacks as computation } from './computation.mjs';
import { attacks as documents } from './documents.mjs';
import { attacks as httpServers } from './http-servers.mjs';
import { attacks as logins } from './logins.mjs';
import { attacks as names } from './names.mjs';
import { attacks as sqlStatements } from './sql-statements.mjs';
import { startTarget } from './support/one-second-jobs.mjs';
import { startPostgres } from './support/postgres.mjs';
import { killAll } from './support/processes.mjs';
import { describe, tableOf } from './support/report.mjs';
import { Trials } from './support/trial.mjs';

const all = [...bodies, ...documents, ...computation, ...logins, ...httpServers, ...sqlStatements, ...names];

const words = process.argv.slice(2);
const quick = words.includes('--quick');
/** No attack begins after this. */
const maxSeconds = Number(words.find((word) => word.startsWith('--seconds='))?.slice('--seconds='.length) ?? 270);
const wanted = words.filter((word) => !word.startsWith('--'));
/** `9` stands for all attacks of point 9, `9-loop` for one of them. */
const isWanted = ({ id }) =>
  wanted.some((word) => id === word || (id.startsWith(word) && /^[a-z-]/.test(id.slice(word.length))));
const chosen = all.filter((attack) => (wanted.length === 0 || isWanted(attack)) && (!quick || attack.quick));
if (chosen.length === 0) {
  process.stderr.write(`known attacks: ${all.map(({ id }) => id).join(', ')}\n`);
  process.exit(1);
}

const NO_TIME = 'no time is left; name this attack to make it alone, or raise --seconds';
const begun = performance.now();
const postgres = await startPostgres();
const target = await startTarget();
const trials = new Trials(postgres, target.url);
const stop = async () => {
  killAll();
  await trials.stop();
  target.stop();
  await postgres.stop();
};
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop().finally(() => process.exit(1)));

const results = [];
try {
  for (const attack of chosen) {
    const late = performance.now() - begun > maxSeconds * 1000;
    const result = late ? { attack, notChecked: NO_TIME, faults: [NO_TIME] } : await trials.make(attack);
    results.push(result);
    process.stdout.write(`${describe(result)}\n`);
  }
} finally {
  await stop();
}
const failed = results.filter(({ faults }) => faults.length > 0);
const held = results.filter(({ faults, notChecked }) => faults.length === 0 && !notChecked).length;
process.stdout.write(`${tableOf(results)}\n\n`);
process.stdout.write(`${held} of ${results.length} held, in ${Math.round((performance.now() - begun) / 1000)} s\n`);
process.exitCode = failed.length > 0 ? 1 : 0;

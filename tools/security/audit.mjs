// Queries the registry for known vulnerabilities in the packages of every lockfile: those that users install, and those that the
// benchmarks and tools install. Exits with 1 if one is high or critical. Its last line is NOT CHECKED if the registry does not
// provide the information.
import { spawnSync } from 'node:child_process';

const lockfiles = spawnSync('git', ['ls-files', '*package-lock.json'], { encoding: 'utf8' }).stdout.trim().split('\n');
const unchecked = new Map();

for (const lockfile of lockfiles) {
  const folder = lockfile.replace(/\/?package-lock\.json$/, '') || '.';
  const omitted = folder === '.' ? ['--omit=dev'] : [];
  const options = ['audit', '--json', '--package-lock-only', ...omitted];
  const { stdout } = spawnSync('npm', options, { encoding: 'utf8', cwd: folder });
  const {
    metadata,
    vulnerabilities = {},
    statusCode,
    message = 'npm audit had no output',
  } = JSON.parse(stdout || '{}');
  if (!metadata) {
    unchecked.set(lockfile, statusCode ? `it has no audit endpoint (HTTP ${statusCode})` : message);
    continue;
  }
  const found = Object.values(vulnerabilities);
  for (const { name, severity, range } of found) console.log(`${severity}: ${name} ${range}, in ${lockfile}`);
  console.log(`${lockfile}: ${found.length} known vulnerabilities in ${metadata.dependencies.total} packages`);
  if (found.some(({ severity }) => ['high', 'critical'].includes(severity))) process.exitCode = 1;
}

if (unchecked.size > 0) {
  const why = [...new Set(unchecked.values())].join('; ');
  console.log(
    `NOT CHECKED: known vulnerabilities in ${[...unchecked.keys()].join(', ')}: no audit from the registry of this machine: ${why}. ` +
      'Run make security with another registry before a release.',
  );
}

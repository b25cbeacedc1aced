// Asks the registry for known faults of what users get, and ends with 1 where one is high or critical. Says so where it was not told.
import { spawnSync } from 'node:child_process';

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const { metadata, vulnerabilities = {}, statusCode, message = 'it said nothing' } = JSON.parse(stdout || '{}');

if (!metadata) {
  const why = statusCode ? `it has no audit endpoint (it answers ${statusCode})` : message;
  console.log(
    `NOT CHECKED: the registry of this machine did not tell: ${why}. Run this where it does before a release.`,
  );
} else {
  const faults = Object.values(vulnerabilities);
  for (const { name, severity, range } of faults) console.log(`${severity}: ${name} ${range}`);
  const { dependencies } = metadata;
  console.log(
    `${faults.length} known faults in ${dependencies.prod + dependencies.peer + dependencies.optional} packages`,
  );
  if (faults.some(({ severity }) => ['high', 'critical'].includes(severity))) process.exitCode = 1;
}

// Queries the registry for known vulnerabilities in the packages that users install. Exits with 1 if one is high or critical.
// Prints NOT CHECKED if the registry does not provide the information.
import { spawnSync } from 'node:child_process';

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const { metadata, vulnerabilities = {}, statusCode, message = 'npm audit had no output' } = JSON.parse(stdout || '{}');

if (!metadata) {
  const why = statusCode ? `it has no audit endpoint (HTTP ${statusCode})` : message;
  console.log(
    `NOT CHECKED: no audit from the registry of this machine: ${why}. Run this with another registry before a release.`,
  );
} else {
  const found = Object.values(vulnerabilities);
  for (const { name, severity, range } of found) console.log(`${severity}: ${name} ${range}`);
  const { dependencies } = metadata;
  console.log(
    `${found.length} known vulnerabilities in ${dependencies.prod + dependencies.peer + dependencies.optional} packages`,
  );
  if (found.some(({ severity }) => ['high', 'critical'].includes(severity))) process.exitCode = 1;
}

// Point 11: a name server that never answers holds up only those who ask it.
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countsAsText } from './support/numbers.mjs';
import { createJob, finishedStates, runJob, unfinished } from './support/runs.mjs';
import { until } from './support/until.mjs';

const RUNS = 20;
const TIMEOUT_SECONDS = 6;
/** How long everybody else may take meanwhile. */
const MAX_SECONDS = 4;
const NAME_SERVER = '127.53.53.53';
const CUT_SESSIONS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()`;

/** Starts a command with another /etc/resolv.conf, which only that process sees. Needs root on Linux. */
const withResolvConf = (file) => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount --bind "$0" /etc/resolv.conf && exec "$@"',
  file,
];

/** Why the attack cannot be made on this machine, or undefined. */
function unavailable() {
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0)
    return 'changing /etc/resolv.conf for one process needs root on Linux, and the program unshare';
  return undefined;
}

/** The command that starts Node with the silent name server. Writes a file into the folder. */
function prefix(folder) {
  const file = join(folder, 'resolv.conf');
  writeFileSync(file, `nameserver ${NAME_SERVER}\n`);
  return withResolvConf(file);
}

/** Calls `use` while many runs wait for the addresses of names. `use` returns whether it got through. */
async function whileNamesWait(service, what, use) {
  const server = createSocket('udp4').bind(53, NAME_SERVER);
  await once(server, 'listening');
  try {
    const input = { url: 'http://{{run.id}}.attack.test/' };
    await createJob(service, 'by-name', { task: 'http', input, timeoutSeconds: TIMEOUT_SECONDS });
    const ids = await runJob(service, 'by-name', RUNS);
    const started = 'SELECT 1 FROM cronzimus.runs WHERE id = ANY($1) AND started_at IS NOT NULL';
    await until(3, async () => (await service.sql(started, [ids])).length === RUNS);
    const begun = performance.now();
    const through = await use();
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    const counts = await finishedStates(service, ids, TIMEOUT_SECONDS + 3);
    const late = unfinished(counts);
    const faults = through ? [] : [`${what}: not within ${MAX_SECONDS} s`];
    if (late > 0) faults.push(`${late} of ${RUNS} runs had not ended 3 s after their timeout`);
    return { answers: countsAsText(counts), facts: through ? [`${what}: after ${seconds} s`] : [], faults };
  } finally {
    server.close();
  }
}

const attack = (id, also, what, use) => ({
  id,
  sent: `${RUNS} http tasks with names that the name server never answers, timeout ${TIMEOUT_SECONDS} s${also}`,
  service: { prefix, host: 'localhost' },
  unavailable,
  run: (service, context) => whileNamesWait(service, what, () => use(service, context)),
});

export const attacks = [
  attack('11', '', 'a run by the name localhost succeeds', async (service, { targetUrl }) => {
    const input = { url: targetUrl.replace('127.0.0.1', 'localhost') };
    await createJob(service, 'local', { task: 'http', input, timeoutSeconds: MAX_SECONDS });
    const counts = await finishedStates(service, await runJob(service, 'local'), MAX_SECONDS);
    return counts.succeeded === 1;
  }),
  attack(
    '11-database',
    '; its database sessions are cut',
    'the service connects to its database by name again',
    async (service) => {
      await service.sql(CUT_SESSIONS);
      return until(MAX_SECONDS, async () => {
        const { status } = await service.api('GET', '/api/v1/jobs', { key: service.keys.viewer });
        return status === 200;
      });
    },
  ),
];

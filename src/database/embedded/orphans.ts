import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { commandLine } from './process-facts.js';

/** How long an orphan may take to end before it is killed. */
const QUIT_MS = 5_000;

/**
 * Ends the processes that a killed server has left behind. A busy one would go on with its statement, and as long as it uses the
 * shared memory, no new server starts on the cluster. What they have not committed is rolled back when the new server recovers.
 * Does nothing when a server runs on the cluster, and where processes cannot be listed (other systems than Linux).
 */
export async function endOrphans(cluster: string): Promise<void> {
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    const deadline = Date.now() + QUIT_MS;
    let orphans = await orphansOf(cluster);
    for (const pid of orphans) send(signal, pid);
    while (orphans.length > 0 && Date.now() < deadline) {
      await pause(20);
      orphans = await orphansOf(cluster);
    }
    if (orphans.length === 0) return;
  }
}

/** A server process works in the folder of its cluster, and names itself "postgres: <what it does>". */
async function orphansOf(cluster: string): Promise<number[]> {
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter(Boolean);
  const inCluster = await Promise.all(pids.map(async (pid) => ((await folderOf(pid)) === cluster ? [pid] : [])));
  const found = await Promise.all(inCluster.flat().map(async (pid) => ({ pid, command: await commandLine(pid) })));
  if (found.some(({ command }) => `${command} `.includes(` -D ${cluster} `))) return [];
  return found.flatMap(({ pid, command }) => (command.startsWith('postgres: ') ? [pid] : []));
}

const folderOf = (pid: number) => readlink(`/proc/${pid}/cwd`).catch(() => '');

function send(signal: NodeJS.Signals, pid: number): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

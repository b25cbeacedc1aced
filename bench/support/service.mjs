import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const WITH_TASKS = join(import.meta.dirname, 'service-with-tasks.mjs');

/** The service as a process of its own, once it says where it listens. */
export const startService = (variables) => start(MAIN, variables);

/** The same with the tasks of the benchmark, which answer to ask(). PROFILES=folder: with a CPU profile of each process. */
export const startServiceWithTasks = (variables) => start(WITH_TASKS, variables);

async function start(script, variables) {
  const { PATH, HOME, PROFILES } = process.env;
  const env = { PATH, HOME, PORT: '0', LOG_FORMAT: 'json', ...variables };
  const flags = ['--expose-gc', ...(PROFILES ? ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`] : [])];
  const child = spawn(process.execPath, [...flags, script], { env, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const url = await announced(child);
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  return { url, child, pid: child.pid, stop };
}

async function announced(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /Cronzimus is running as .* try (http\S+)\/docs/.exec(line)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    return url;
  }
  throw new Error('the service ended before it listened');
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, '../../dist/main.js');

/** The service as a process of its own, once it says where it listens. */
export async function startService(variables) {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, PORT: '0', LOG_FORMAT: 'json', ...variables };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await announced(child);
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  return { url, stop };
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

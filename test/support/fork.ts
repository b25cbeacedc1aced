import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Starts a process with a script of this folder, which uses the built code and not jest. */
export function forkScript(
  script: string,
  variables: Record<string, string>,
  stderr: 'inherit' | 'pipe' = 'inherit',
): ChildProcess {
  const { PATH, HOME, NODE_OPTIONS } = process.env;
  const env = { PATH, HOME, NODE_OPTIONS, LOG_LEVEL: 'error', LOG_FORMAT: 'json', PORT: '0', ...variables };
  return fork(join(import.meta.dirname, script), {
    execArgv: [],
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
    env,
  });
}

/** The next message of a process. Rejects when the process ends without one. */
export async function nextMessage<T>(child: ChildProcess): Promise<T> {
  const received = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', { signal: received.signal }).then(([value]) => value as T),
      once(child, 'exit', { signal: received.signal }).then(([code, signal]) => {
        throw new Error(`the process ended with ${String(code ?? signal)} before it sent a message`);
      }),
    ]);
  } finally {
    received.abort();
  }
}

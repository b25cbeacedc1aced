import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Sends a signal and waits for the end; a process that takes over 15 seconds is killed, so that it cannot hold jest up. */
export async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const bound = setTimeout(() => child.kill('SIGKILL'), 15_000);
  child.kill(signal);
  await once(child, 'exit');
  clearTimeout(bound);
}

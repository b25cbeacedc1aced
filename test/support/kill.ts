import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Sends a signal and waits until the process has ended. One that takes over 30 seconds is killed, so that it cannot block jest;
 *  its exit code is then null. */
export async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const bound = setTimeout(() => child.kill('SIGKILL'), 30_000);
  child.kill(signal);
  await once(child, 'exit');
  clearTimeout(bound);
}

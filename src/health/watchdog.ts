import { url as debuggerUrl } from 'node:inspector';
import { Worker } from 'node:worker_threads';

const BEAT_MS = 500;

/** Starts a thread that kills this process when the event loop is blocked for 10 s. A blocked process can neither serve nor drain, and
 *  other replicas take over its runs only when it is gone. Does nothing when a debugger, which may pause the process, is enabled. */
export function watchEventLoop(): void {
  if (debuggerUrl() !== undefined) return;
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(new URL('./watchdog.thread.js', import.meta.url), { workerData: beats, execArgv: [] });
  thread.unref();
  setInterval(() => Atomics.add(beats, 0, 1), BEAT_MS).unref();
}

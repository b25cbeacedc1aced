import { url as debuggerUrl } from 'node:inspector';
import { Worker } from 'node:worker_threads';

const BEAT_MS = 500;

/** Ends this process when its event loop has been blocked for 10 s: nothing in it can serve, drain or give a sign any more,
 *  and others take its runs over at once. A thread of its own watches. Not where a debugger may stop the process. */
export function watchEventLoop(): void {
  if (debuggerUrl() !== undefined) return;
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(new URL('./watchdog.thread.js', import.meta.url), { workerData: beats, execArgv: [] });
  thread.unref();
  setInterval(() => Atomics.add(beats, 0, 1), BEAT_MS).unref();
}

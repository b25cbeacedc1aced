import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';

const CHECK_MS = 1_000;
const CHECKS = 10;
/** The debugger usually pauses the main thread within milliseconds. It can take seconds on an overloaded machine. */
const MAX_PAUSE_MS = 5_000;
/** The length of the reported stack. */
const FRAMES = 8;
const STDERR = 2;

const beats = workerData as Int32Array;
let last = -1;
let still = 0;

// This counts checks and not time, so that a process that was stopped, or a machine that slept, does not count as blocked.
const checking = setInterval(() => {
  const now = Atomics.load(beats, 0);
  still = now === last ? still + 1 : 0;
  last = now;
  if (still < CHECKS) return;
  clearInterval(checking);
  try {
    readStack(end);
  } catch {
    end([]);
  }
}, CHECK_MS);

/** Calls `report` with the stack of the main thread, innermost frame first. The stack is empty when the thread does not run JavaScript. */
function readStack(report: (calls: string[]) => void): void {
  const session = new Session();
  const files = new Map<string, string>();
  session.connectToMainThread();
  session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url));
  session.on('Debugger.paused', ({ params }) => {
    const calls = params.callFrames.slice(0, FRAMES).map(({ functionName, location }) => {
      const file = files.get(location.scriptId) ?? '';
      return `  at ${functionName || '(anonymous)'} (${file}:${location.lineNumber + 1})`;
    });
    report(calls);
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
  setTimeout(() => report([]), MAX_PAUSE_MS);
}

/** Kills the process. An orderly exit would wait for the main thread, which is blocked. */
function end(calls: string[]): void {
  const where = calls.length > 0 ? `; it was running\n${calls.join('\n')}` : '';
  try {
    writeSync(
      STDERR,
      `EVENT_LOOP_BLOCKED: the event loop was blocked for ${CHECKS} s, so the process is killed${where}\n`,
    );
  } finally {
    // Also when stderr is full or closed.
    process.kill(process.pid, 'SIGKILL');
  }
}

import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';

const LOOK_MS = 1_000;
const LOOKS = 10;
/** Milliseconds usually; seconds on a machine that has too much to do. */
const LONGEST_PAUSE_MS = 5_000;
const FRAMES = 8;
const STDERR = 2;

const beats = workerData as Int32Array;
let last = -1;
let still = 0;

// Looks are counted, and not time, so that a process that was stopped or a machine that slept is not taken for blocked.
const looking = setInterval(() => {
  const now = Atomics.load(beats, 0);
  still = now === last ? still + 1 : 0;
  last = now;
  if (still < LOOKS) return;
  clearInterval(looking);
  try {
    whereItIs(end);
  } catch {
    end([]);
  }
}, LOOK_MS);

/** Tells at which calls the main thread is, innermost first; none where it is not within JavaScript. */
function whereItIs(tell: (calls: string[]) => void): void {
  const session = new Session();
  const files = new Map<string, string>();
  session.connectToMainThread();
  session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url));
  session.on('Debugger.paused', ({ params }) => {
    const calls = params.callFrames.slice(0, FRAMES).map(({ functionName, location }) => {
      const file = files.get(location.scriptId) ?? '';
      return `  at ${functionName || '(anonymous)'} (${file}:${location.lineNumber + 1})`;
    });
    tell(calls);
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
  setTimeout(() => tell([]), LONGEST_PAUSE_MS);
}

/** Nothing may wait for the main thread here, which is why it is no orderly exit. */
function end(calls: string[]): void {
  const where = calls.length > 0 ? `; it was\n${calls.join('\n')}` : '';
  try {
    writeSync(STDERR, `EVENT_LOOP_BLOCKED: the event loop was blocked for ${LOOKS} s, so the process ends${where}\n`);
  } finally {
    // Also where stderr is full or closed.
    process.kill(process.pid, 'SIGKILL');
  }
}

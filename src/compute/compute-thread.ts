import { Worker } from 'node:worker_threads';
import { Problem } from '../core/problem.js';
import type { Computation } from './compute.thread.js';

/** The worst computation takes half a second. Ten seconds also suffice on a machine that is overloaded. */
const MAX_MS = 10_000;
/** A thread that has nothing to do ends after this time, which frees its memory. */
const IDLE_MS = 60_000;
const MAX_HEAP_MB = 64;

// Jest runs the TypeScript sources. Threads need the built file.
const FILE = import.meta.filename.endsWith('.ts') ? '../../dist/compute/compute.thread.js' : './compute.thread.js';

/** A worker thread for computations. It starts with the first one, and again after it has ended for any reason. */
export class ComputeThread {
  private thread: Worker | undefined;
  private idle: NodeJS.Timeout | undefined;

  /** Runs one computation. The caller waits for it before it starts the next. Throws COMPUTATION_FAILED when the thread dies, or takes
   *  over 10 s and is killed. */
  async run<T>(computation: Computation): Promise<T> {
    clearTimeout(this.idle);
    const thread = (this.thread ??= this.start());
    const timeout = setTimeout(() => void thread.terminate(), MAX_MS);
    try {
      return await resultOf<T>(thread, computation);
    } finally {
      clearTimeout(timeout);
      this.idle = setTimeout(() => void this.stop(), IDLE_MS).unref();
    }
  }

  /** Ends the thread. A computation that runs in it fails. */
  async stop(): Promise<void> {
    clearTimeout(this.idle);
    const { thread } = this;
    // A computation that begins while this one ends gets a new thread.
    this.thread = undefined;
    await thread?.terminate();
  }

  private start(): Worker {
    const thread = new Worker(new URL(FILE, import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    thread.unref();
    // `exit` follows. Without a listener, the error would end the process.
    thread.on('error', () => {});
    thread.once('exit', () => {
      if (this.thread === thread) this.thread = undefined;
    });
    return thread;
  }
}

function resultOf<T>(thread: Worker, computation: Computation): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const failed = () => reject(new ComputationFailedError());
  thread.once('message', resolve);
  thread.once('exit', failed);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  thread.postMessage(computation);
  return promise.finally(() => thread.off('message', resolve).off('exit', failed));
}

export class ComputationFailedError extends Problem {
  constructor() {
    super(503, 'COMPUTATION_FAILED', 'The thread that computes occurrences was restarted; try again');
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from './problem.js';

/** Who waits for a result. */
export interface Caller {
  /** Callers with the same key share one place in the round. */
  key: string;
  /** Aborted when nobody waits for the result any more. */
  signal: AbortSignal;
}

export interface FairQueueOptions {
  /** How many requests are served at once. */
  concurrency: number;
  /** How many requests of one key are served at once. Default: `concurrency`. */
  perKey?: number;
  /** How many requests wait at most. */
  maxWaiting: number;
  /** How long a request may take, with the time that it waits. */
  maxMs: number;
  /** How long a refused request waits for its response, which keeps a client that tries again at once from busying the process.
   *  Default: 1 s. */
  refusalMs?: number;
}

const MAX_REST_MS = 1000;

interface Entry {
  key: string;
  start: () => Promise<unknown>;
  refuse: (why: unknown) => void;
}

/** A bounded queue that is shared fairly: it serves the keys in turn, and the requests of one key in the order in which they came. When
 *  the queue is full, the newest request of the key with the longest line gives way, so a key that floods the queue shuts out only
 *  itself. While requests wait, the queue rests after each one for as long as that one took, up to 1 s. */
export class FairQueue {
  /** The waiting requests by key. The order of the keys is the order in which they are served. */
  private readonly lines = new Map<string, Entry[]>();
  private waiting = 0;
  private running = 0;
  /** How many requests of a key are served now. Keys without any are absent. */
  private readonly runningOf = new Map<string, number>();

  constructor(private readonly options: FairQueueOptions) {}

  /** Calls `work` when it is the turn of the caller, and returns its result. It is never called once the signal of the caller has
   *  aborted. Throws TOO_MANY_WAITING when the queue is full or the request takes longer than `maxMs`, and the reason of the signal.
   *  `work` that has started keeps its place until it ends, also when nobody waits for its result any more. */
  async run<T>({ key, signal }: Caller, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (!this.makePlace(key)) {
      await delay(this.options.refusalMs ?? 1000, undefined, { signal }).catch(() => signal.throwIfAborted());
      throw new TooManyWaitingError();
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const start = () => work().then(resolve, reject);
    const refuse = (why: unknown) => {
      this.remove(entry);
      reject(why);
    };
    const entry: Entry = { key, start, refuse };
    const abort = () => refuse(signal.reason);
    const timeout = setTimeout(() => refuse(new TooManyWaitingError()), this.options.maxMs);
    signal.addEventListener('abort', abort);
    this.add(entry);
    this.startNext();
    try {
      return await promise;
    } finally {
      clearTimeout(timeout);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Returns false when the queue is full and no key has a longer line than this one would have. */
  private makePlace(key: string): boolean {
    if (this.waiting < this.options.maxWaiting) return true;
    const [longest = []] = [...this.lines.values()].toSorted((a, b) => b.length - a.length);
    if (longest.length <= (this.lines.get(key)?.length ?? 0) + 1) return false;
    longest.at(-1)!.refuse(new TooManyWaitingError());
    return true;
  }

  private startNext(): void {
    while (this.running < this.options.concurrency) {
      const next = [...this.lines].find(([key]) => this.mayServe(key));
      const entry = next?.[1].shift();
      if (!next || !entry) return;
      const [key, line] = next;
      this.waiting -= 1;
      // The key goes to the end of the round.
      this.lines.delete(key);
      if (line.length > 0) this.lines.set(key, line);
      void this.serve(entry);
    }
  }

  private mayServe(key: string): boolean {
    return (this.runningOf.get(key) ?? 0) < (this.options.perKey ?? this.options.concurrency);
  }

  private async serve({ key, start }: Entry): Promise<void> {
    this.running += 1;
    this.runningOf.set(key, (this.runningOf.get(key) ?? 0) + 1);
    const began = performance.now();
    await start();
    if (this.waiting > 0) await delay(Math.min(performance.now() - began, MAX_REST_MS));
    this.running -= 1;
    const left = this.runningOf.get(key)! - 1;
    if (left > 0) this.runningOf.set(key, left);
    else this.runningOf.delete(key);
    this.startNext();
  }

  private add(entry: Entry): void {
    const line = this.lines.get(entry.key) ?? [];
    this.lines.set(entry.key, line);
    line.push(entry);
    this.waiting += 1;
  }

  private remove(entry: Entry): void {
    const line = this.lines.get(entry.key) ?? [];
    const place = line.indexOf(entry);
    if (place < 0) return;
    line.splice(place, 1);
    this.waiting -= 1;
    if (line.length === 0) this.lines.delete(entry.key);
  }
}

/** The client may try again: what waits now takes at most some seconds. */
export class TooManyWaitingError extends Problem {
  constructor() {
    super(429, 'TOO_MANY_WAITING', 'Too many requests wait for their turn; try again in 5 s');
  }
}

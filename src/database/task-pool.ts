import { AsyncLocalStorage } from 'node:async_hooks';
import pg, { type ClientConfig, Pool, type PoolClient, type PoolConfig } from 'pg';
import { CodedError } from '../core/coded-error.js';
import { currentRun, type RunFields } from '../logging/run-fields.js';
import { SequentialClient } from './sequential-client.js';

/** How long opening one connection may take. */
const CONNECT_MS = 5_000;
/** How long code outside of an attempt waits for a free connection. */
const WAIT_MS = 5_000;
/** How long an attempt waits for a further connection while it keeps those it has. Attempts that wait for each other's connections
 *  would otherwise wait until their timeout. */
const HOLDING_WAIT_MS = 30_000;

/** The attempt that asks for connections. */
interface Attempt {
  readonly signal: AbortSignal;
  /** The connections that it has now. */
  held: number;
  /** The connections that it has returned so far. */
  released: number;
}

/** Who has a connection now, and since when. */
interface Holder {
  /** Undefined for code outside of runs. */
  run: RunFields | undefined;
  /** In monotonic milliseconds. */
  since: number;
}

type Connected = (error: Error | undefined, client: PoolClient | undefined, release: PoolClient['release']) => void;

const current = new AsyncLocalStorage<Attempt>();

/** Runs `work` and returns its result. While `work` waits for a connection of a `TaskPool`, the wait ends only when `signal` aborts. */
export const waitingUntil = <T>(signal: AbortSignal, work: () => T): T =>
  current.run({ signal, held: 0, released: 0 }, work);

/** pg's pool has one timeout for two things. Here it only limits how long opening a connection takes. */
class TaskClient extends SequentialClient {
  constructor(config: ClientConfig = {}) {
    // The pool has made the password not enumerable.
    super({ ...config, password: config.password, connectionTimeoutMillis: CONNECT_MS });
  }
}

/** The pool of tasks. An attempt waits for a free connection as long as it may run. Throws NO_CONNECTION when the attempt's signal
 *  aborts, after 30 s in which the attempt keeps another connection, and outside of an attempt after 5 s. */
export class TaskPool extends Pool {
  /** In the order in which they got their connections. */
  private readonly holders = new Set<Holder>();

  constructor(config: PoolConfig) {
    super({ ...config, Client: TaskClient, connectionTimeoutMillis: 0 });
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<PoolClient> | void {
    if (callback) return this.acquire(callback);
    return new Promise((resolve, reject) => {
      this.acquire((error, client) => (client ? resolve(client) : reject(error!)));
    });
  }

  private acquire(connected: Connected): void {
    const attempt = current.getStore();
    const run = currentRun();
    let waiting = true;
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      waiting = false;
      clearTimeout(timer);
      attempt?.signal.removeEventListener('abort', giveUp);
    };
    const giveUp = () => {
      end();
      connected(new NoConnectionError(this.options.max, [...this.holders], attempt), undefined, () => undefined);
    };
    const watch = () => {
      const { held = 0, released = 0 } = attempt ?? {};
      const check = () => (!attempt || (held > 0 && attempt.released === released) ? giveUp() : watch());
      timer = setTimeout(check, attempt ? HOLDING_WAIT_MS : WAIT_MS);
    };
    if (attempt?.signal.aborted) return process.nextTick(giveUp);
    attempt?.signal.addEventListener('abort', giveUp, { once: true });
    watch();
    super.connect((error, client, release) => {
      // Nobody waits for this connection any more, so the next one gets it.
      if (!waiting) return release();
      end();
      if (client) this.hold(client, run, attempt);
      connected(error, client, (drop) => (client ? client.release(drop) : release(drop)));
    });
  }

  /** Remembers who holds the connection until it is returned. */
  private hold(client: PoolClient, run: RunFields | undefined, attempt: Attempt | undefined): void {
    const release = client.release.bind(client);
    const holder = { run, since: performance.now() };
    this.holders.add(holder);
    if (attempt) attempt.held += 1;
    client.release = (drop) => {
      this.holders.delete(holder);
      if (attempt) {
        attempt.held -= 1;
        attempt.released += 1;
      }
      release(drop);
    };
  }
}

/** pg with the pool above, as TypeORM takes it. */
export const taskDriver = { ...pg, Pool: TaskPool };

/** How many holders an error names. */
const MAX_NAMED = 5;

export class NoConnectionError extends CodedError {
  /** `holders`: in the order in which they got their connections. */
  constructor(max: number, holders: Holder[], attempt: Attempt | undefined) {
    const reason: unknown = attempt?.signal.reason;
    const holding = attempt && !attempt.signal.aborted;
    const advice = holding
      ? 'This attempt keeps one while it waits for another. Use the EntityManager of context.transaction instead of repositories in it, or raise TASK_POOL_MAX'
      : 'Keep transactions short, or raise TASK_POOL_MAX';
    const used = holders.length < max ? `${holders.length} of ${max}` : `all ${max}`;
    super(
      'NO_CONNECTION',
      `No database connection became free in time: tasks use ${used}. ${namesOf(holders)}${advice}`,
      {
        cause: reason,
      },
    );
  }
}

function namesOf(holders: Holder[]): string {
  if (holders.length === 0) return '';
  const now = performance.now();
  const named = holders.slice(0, MAX_NAMED).map(({ run, since }) => {
    const who = run ? `run ${run.runId} of job "${run.job}", attempt ${run.attempt}` : 'code outside of runs';
    return `${who}, for ${((now - since) / 1000).toFixed(1)} s`;
  });
  const rest = holders.length - named.length;
  return `They have been held longest by: ${[...named, ...(rest > 0 ? [`${rest} more`] : [])].join('; ')}. `;
}

import { Client, type ClientBase } from 'pg';
import { databaseSocket, streamOf } from './database-socket.js';

/** A statement can catch its cancellation. After this time its session is terminated, which it cannot catch. */
const TERMINATE_AFTER_MS = 2_000;
/** A server can be unreachable. After this time the connection is destroyed on our side. Shorter than the 10 s after which a
 *  task counts as one that ignores its signal. */
const DESTROY_AFTER_MS = 6_000;
const END_WITHIN_MS = 1_000;

interface Session {
  /** Of the database, for the sessions that cancel. */
  url: string | undefined;
  client: ClientBase;
  /** The process of `client` on the database server. Undefined as long as it is unknown, because `client` has no session yet. */
  pid: () => number | undefined;
  signal: AbortSignal;
  failed: (error: unknown) => void;
}

/** Runs `work`, which uses the session of `client`, and makes it settle when the signal aborts: cancels the current statement,
 *  terminates the session if that does not help, and destroys the connection if that does not help either. Without a session,
 *  the connection is destroyed at once. A commit that waits for a synchronous standby is neither cancelled nor terminated. When `work` fails after that, this throws the signal's reason. `failed` is called when
 *  the statement cannot be cancelled, or the session not terminated. */
export async function withCancel<T>({ url, client, pid, signal, failed }: Session, work: () => Promise<T>): Promise<T> {
  const attempts: Promise<void>[] = [];
  let terminate: NodeJS.Timeout | undefined;
  const stop = () => {
    const backend = pid();
    if (backend === undefined) return destroyConnection(client);
    const send = (call: string) => attempts.push(signalBackend(url, call, backend).catch(failed));
    send('pg_cancel_backend');
    terminate = setTimeout(() => send('pg_terminate_backend'), TERMINATE_AFTER_MS);
  };
  const undo = destroyAfterAbort(client, signal);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    clearTimeout(terminate);
    undo();
    // A cancellation that arrives later would cancel a statement of the connection's next user.
    await Promise.all(attempts);
  }
}

/** Destroys the connection some seconds after the signal has aborted. Returns a function that prevents that. */
export function destroyAfterAbort(client: ClientBase, signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    timer = setTimeout(() => destroyConnection(client), DESTROY_AFTER_MS);
  };
  if (signal.aborted) start();
  else signal.addEventListener('abort', start, { once: true });
  return () => {
    signal.removeEventListener('abort', start);
    clearTimeout(timer);
  };
}

/** The statement that is running rejects, and a pool drops the connection. */
export const destroyConnection = (client: ClientBase): void =>
  void streamOf(client).destroy(new Error('the connection was destroyed'));

/** Ends the session, and destroys the connection when the server does not respond. */
export async function endSession(client: Client): Promise<void> {
  const timer = setTimeout(() => destroyConnection(client), END_WITHIN_MS);
  await client.end().finally(() => clearTimeout(timer));
}

/** A commit that waits for its synchronous standby is left alone. Cancelled, it would count without the standby, and a fail-over would
 *  lose it. */
const canCancel = (pid: number) => `pid = ${pid} AND wait_event IS DISTINCT FROM 'SyncRep'`;

/** Uses a new connection, since the pool may have none left. */
async function signalBackend(connectionString: string | undefined, call: string, pid: number): Promise<void> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
    stream: () => databaseSocket(),
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // PostgreSQL compares with the role of the login. A role that is taken after the login may not cancel its sessions.
    // In one message and one transaction: a pooler may give the server's connection to another client afterwards.
    await client.query(
      `BEGIN; SET LOCAL ROLE NONE; SELECT ${call}(pid) FROM pg_stat_activity WHERE ${canCancel(pid)}; COMMIT`,
    );
  } finally {
    await endSession(client);
  }
}

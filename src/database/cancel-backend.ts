import { Client } from 'pg';

interface Backend {
  url: string | undefined;
  /** The process id on the database server. */
  pid: number;
  signal: AbortSignal;
  failed: (error: unknown) => void;
}

/** Runs `work`, which waits for the server process `pid`. When the signal aborts, the current statement of that process is
 *  cancelled, and this throws the signal's reason, even if `work` succeeds. `failed` is called when the statement cannot be cancelled. */
export async function withCancel<T>({ url, pid, signal, failed }: Backend, work: () => Promise<T>): Promise<T> {
  let cancelling: Promise<void> | undefined;
  const cancel = () => {
    cancelling = cancelBackend(url, pid).catch(failed);
  };
  signal.addEventListener('abort', cancel, { once: true });
  try {
    signal.throwIfAborted();
    return await work();
  } finally {
    signal.removeEventListener('abort', cancel);
    // A cancellation that arrives later would cancel a statement of the connection's next user.
    await cancelling;
    signal.throwIfAborted();
  }
}

/** Uses a new connection, since the pool may have none left. */
async function cancelBackend(connectionString: string | undefined, pid: number): Promise<void> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000, query_timeout: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT pg_cancel_backend($1)', [pid]);
  } finally {
    await client.end();
  }
}

import { Client } from 'pg';

interface Backend {
  url: string | undefined;
  pid: number;
  signal: AbortSignal;
  failed: (error: unknown) => void;
}

/** Runs `work`, which waits for the backend `pid`; once the signal aborts, what that backend does is cancelled. It
 *  throws the signal's reason then, whatever `work` made of it; `failed` is told when the backend cannot be reached. */
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
    // A late one would hit the next user of the connection.
    await cancelling;
    signal.throwIfAborted();
  }
}

/** Over a connection beside the pool, which may have none left. */
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

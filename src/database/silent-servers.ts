import { Client, type ClientConfig } from 'pg';
import { databaseSocket, streamOf } from './database-socket.js';

const TICK_MS = 1_000;
/** After this time without a byte of the response, the server is asked whether it still has the session. */
const SILENT_MS = 4_000;
/** How long the new connection that asks may take to open, and to get the response. */
const PROBE_MS = 3_000;
/** The longest time between two questions about a session that the server has, such as one with a long statement, and when there is no
 *  answer: no connection can be opened, or there is a pooler. */
const MAX_PAUSE_MS = 60_000;
const MAX_PAUSE_UNANSWERED_MS = 15_000;

/** What is known about the connection of one client. All times are monotonic milliseconds. */
interface Watched {
  readonly client: Client;
  readonly config: ClientConfig;
  /** Since when a response has been outstanding. Null while none is. */
  askedAt: number | null;
  /** How many bytes the server had sent at the last tick, and when that number last rose. */
  bytesRead: number;
  heardAt: number;
  /** When the server may be asked about the session again, and the pause before that. The pauses grow while the silence lasts. */
  askAgainAt: number;
  pauseMs: number;
}

/**
 * Finds connections whose server is gone without having closed them: its host has vanished, and its name or address
 * leads to another server now. Such a connection waits for minutes, because nobody rejects its packets. Node cannot set
 * TCP_USER_TIMEOUT, and keepalive probes are not sent while a statement is unacknowledged.
 *
 * A long statement looks the same from here. So a client that has waited for 4 s is only a suspicion. A new connection
 * then asks whether the server has the sessions of all our connections to it. Those that it does not have are
 * destroyed, including idle ones: their statements fail, and their pools open new connections. Nothing happens while no
 * connection can be opened, and nothing behind a pooler, whose process ids are not those of the server.
 */
class SilentServers {
  private readonly watched = new Set<Watched>();
  private readonly probed = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private tickAt = 0;

  /** Watches a client from its creation to its end. */
  watch(client: Client, config: ClientConfig): void {
    const one: Watched = { client, config, askedAt: null, bytesRead: 0, heardAt: 0, askAgainAt: 0, pauseMs: SILENT_MS };
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    Object.assign(client, {
      query: (...args: unknown[]) => {
        if (one.askedAt === null) {
          one.askedAt = performance.now();
          heard(one, one.askedAt);
        }
        return query(...args);
      },
    });
    client.on('drain', () => {
      one.askedAt = null;
    });
    client.on('end', () => this.watched.delete(one));
    this.watched.add(one);
    this.start();
  }

  private start(): void {
    if (this.timer) return;
    this.tickAt = performance.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.timer.unref();
  }

  private tick(): void {
    const now = performance.now();
    const late = now - this.tickAt - TICK_MS;
    this.tickAt = now;
    if (this.watched.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
      return;
    }
    const silent = [...this.watched].filter((one) => isSilent(one, now));
    // After the event loop was blocked, responses may have arrived that are not read yet.
    if (late > TICK_MS) return;
    for (const one of silent) {
      const server = serverOf(one.client);
      if (this.probed.has(server)) continue;
      this.probed.add(server);
      void this.probe(server, one.config).finally(() => this.probed.delete(server));
    }
  }

  private async probe(server: string, config: ClientConfig): Promise<void> {
    const sessions = [...this.watched].filter(({ client }) => serverOf(client) === server && pidOf(client) !== null);
    const found = await sessionsOf(
      config,
      sessions.map(({ client }) => pidOf(client)!),
    );
    const now = performance.now();
    for (const one of sessions) {
      if (found && !found.has(pidOf(one.client)!)) streamOf(one.client).destroy(new SessionGoneError(one.client));
      else if (isSilent(one, now)) {
        one.pauseMs = Math.min(found ? MAX_PAUSE_MS : MAX_PAUSE_UNANSWERED_MS, 2 * one.pauseMs);
        one.askAgainAt = now + one.pauseMs;
      }
    }
  }
}

export const silentServers = new SilentServers();

/** Whether the client has waited long enough for the server to be asked. Updates what is known about it. */
function isSilent(one: Watched, now: number): boolean {
  // Also counts the bytes of TLS below the stream of pg.
  const { bytesRead = 0 } = streamOf(one.client) as { bytesRead?: number };
  if (bytesRead !== one.bytesRead) heard(one, now);
  one.bytesRead = bytesRead;
  return one.askedAt !== null && now - one.heardAt > SILENT_MS && now >= one.askAgainAt;
}

/** The silence begins anew: a byte has arrived, or an idle client has sent a statement. */
function heard(one: Watched, now: number): void {
  one.heardAt = now;
  one.askAgainAt = 0;
  one.pauseMs = SILENT_MS;
}

/** Which of these processes the server has, asked through a new connection. Undefined if that is not possible. */
async function sessionsOf(config: ClientConfig, pids: number[]): Promise<Set<number> | undefined> {
  const client = new Client({
    ...config,
    // The pool has made the password not enumerable.
    ...(config.password !== undefined && { password: config.password }),
    application_name: 'cronzimus probe',
    connectionTimeoutMillis: PROBE_MS,
    query_timeout: PROBE_MS,
    pipeline: false,
    stream: () => databaseSocket(),
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const own = pidOf(client)!;
    const { rows } = await client.query<{ pid: number }>(
      'SELECT pid FROM pg_catalog.pg_stat_activity WHERE pid = ANY($1::int[])',
      [[...pids, own]],
    );
    const found = new Set(rows.map(({ pid }) => pid));
    // Behind a pooler even our own session has another process id.
    return found.has(own) ? found : undefined;
  } catch {
    return undefined;
  } finally {
    const timer = setTimeout(() => streamOf(client).destroy(), PROBE_MS);
    await client.end().catch(() => undefined);
    clearTimeout(timer);
  }
}

const serverOf = ({ host, port, database, user }: Client) => JSON.stringify([host, port, database, user]);

/** The process id of the client's session. Null as long as it has none. pg's types do not describe the field. */
const pidOf = (client: Client): number | null => (client as unknown as { processID: number | null }).processID;

/** The server that the client's address leads to does not have the client's session. `code` is that of a lost connection. */
export class SessionGoneError extends Error {
  readonly code = 'ECONNRESET';

  constructor({ host, port }: Client) {
    super(`the database server at ${host}:${port} no longer has the session of this connection`);
  }
}

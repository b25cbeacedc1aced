import { setTimeout as pause } from 'node:timers/promises';
import { isRunning, type Postmaster } from './postmaster.js';

const POLL_MS = 250;
/** Milliseconds before each further start, after one that failed. After the last one the supervision gives up. */
const BACK_OFF_MS = [1_000, 2_000, 4_000, 8_000];

/** What happened to the server. */
export interface ServerEvents {
  /** The server process is gone. A new one is started. */
  lost(pid: number): void;
  /** A new server accepts connections, after the recovery of the data. */
  restarted(pid: number): void;
  /** A start failed. There will be another one after `inMs` milliseconds. */
  failed(error: unknown, inMs: number): void;
  /** All starts failed, and there will be no other. */
  gaveUp(error: unknown): void;
}

interface Supervised {
  cluster: string;
  /** The server that runs now. Updated after each restart. */
  current: Postmaster;
  /** Starts the server again, at the same port. */
  start: () => Promise<Postmaster>;
}

/** Starts the server again whenever its process is gone, until `stop` aborts. Never rejects. */
export async function supervise(server: Supervised, events: ServerEvents, stop: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await pause(POLL_MS, undefined, { signal: stop, ref: false });
      // If that cannot be found out now, the next poll does.
      if (await isRunning(server.current.pid, server.cluster).catch(() => true)) continue;
      stop.throwIfAborted();
      events.lost(server.current.pid);
      server.current = await startAgain(server, events, stop);
      events.restarted(server.current.pid);
    }
  } catch (error) {
    if (!stop.aborted) events.gaveUp(error);
  }
}

async function startAgain(server: Supervised, events: ServerEvents, stop: AbortSignal): Promise<Postmaster> {
  for (const inMs of BACK_OFF_MS) {
    try {
      return await server.start();
    } catch (error) {
      stop.throwIfAborted();
      events.failed(error, inMs);
      await pause(inMs, undefined, { signal: stop });
    }
  }
  return server.start();
}

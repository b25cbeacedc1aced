import { EventEmitter } from 'node:events';
import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Client } from 'pg';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { databaseSocket } from '../database/database-socket.js';
import { channelOf, type Topic } from './notify.js';
import { ReplicaMetrics } from './replica-metrics.js';

const MAX_PAUSE_MS = 5_000;

/**
 * One connection that bypasses any pooler, for things that belong to a session: the advisory lock of this replica, and
 * LISTEN. A pooler in transaction mode would give the session to another client after each transaction.
 *
 * After a loss it reconnects for ever, with a growing pause. Meanwhile this replica gets no notifications and holds no
 * lock. It still counts as alive as long as its pool has connections or writes heartbeats.
 */
@Injectable()
export class DirectSession {
  private client: Client | null = null;
  private connecting: Client | null = null;
  private retry: NodeJS.Timeout | null = null;
  private closed = true;
  private failures = 0;
  private prepare: (client: Client) => Promise<void> = async () => {};
  private readonly notifications = new EventEmitter<Record<Topic, []>>();
  private readonly losses = new EventEmitter<{ lost: [] }>();

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly logger: PinoLogger,
    private readonly metrics: ReplicaMetrics,
  ) {}

  /** Connects, and calls `prepare` now and after each reconnect, before the session counts as connected. Throws if the
   *  first connection fails. */
  async open(prepare: (client: Client) => Promise<void>): Promise<void> {
    this.prepare = prepare;
    this.closed = false;
    await this.connect();
  }

  /** The same after `close`, but goes on trying if the first connection fails, and calls all listeners of notifications
   *  once it is connected. */
  async reopen(prepare: (client: Client) => Promise<void>): Promise<void> {
    try {
      await this.open(prepare);
      this.reconnected();
    } catch (error) {
      this.logger.warn({ err: error }, 'database session not restored yet');
      this.reconnectSoon();
    }
  }

  /** Calls `listener` for each notification of `topic`, and also after each reconnect, since notifications may have
   *  been missed meanwhile. */
  onNotification(topic: Topic, listener: () => void): void {
    this.notifications.on(topic, listener);
  }

  /** Calls `listener` whenever the connection is lost. */
  onLost(listener: () => void): void {
    this.losses.on('lost', listener);
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.retry) clearTimeout(this.retry);
    const { client, connecting } = this;
    this.client = null;
    await client?.end().catch(() => {});
    await connecting?.end().catch(() => {});
  }

  private async connect(): Promise<void> {
    const { DATABASE_DIRECT_URL, DATABASE_URL, DATABASE_SCHEMA } = this.environment;
    const client = new Client({
      connectionString: DATABASE_DIRECT_URL ?? DATABASE_URL,
      application_name: 'cronzimus session',
      connectionTimeoutMillis: 5_000,
      // Longer than the statement_timeout below. A host that vanishes before a statement arrives would keep it waiting for minutes.
      query_timeout: 15_000,
      keepAlive: true,
      stream: () => databaseSocket(),
    });
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, new Error('the connection ended')));
    client.on('notification', ({ payload }) => this.notifications.emit(payload as Topic));
    this.connecting = client;
    try {
      await client.connect();
      // With these settings the server notices after 5 + 2 × 2 s that this host is gone, ends the session and frees its
      // lock.
      await client.query(`SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 2;
        SET idle_session_timeout = 0; SET statement_timeout = 10000; LISTEN "${channelOf(DATABASE_SCHEMA)}"`);
      await this.prepare(client);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    } finally {
      this.connecting = null;
    }
    // Only a prepared connection counts. If one fails earlier, the error above reports it, and `lost` ignores it.
    this.client = client;
    this.failures = 0;
  }

  private lost(client: Client, error: Error): void {
    if (this.closed || this.client !== client) return;
    this.client = null;
    this.logger.warn({ err: error }, 'database session lost');
    this.losses.emit('lost');
    client.end().catch(() => {});
    this.reconnectSoon();
  }

  private reconnected(): void {
    this.metrics.reconnected();
    for (const topic of this.notifications.eventNames() as Topic[]) this.notifications.emit(topic);
  }

  private reconnectSoon(): void {
    const pause = Math.min(MAX_PAUSE_MS, 50 * 2 ** this.failures) * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.retry = setTimeout(() => {
      this.connect().then(
        () => this.reconnected(),
        (error: unknown) => {
          this.logger.warn({ err: error }, 'database session not restored yet');
          if (!this.closed) this.reconnectSoon();
        },
      );
    }, pause);
  }
}

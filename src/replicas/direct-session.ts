import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Client } from 'pg';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { QueueMetrics } from './replica-metrics.js';

const LONGEST_PAUSE_MS = 5_000;

/** One connection past any pooler, for what lives as long as a session: advisory locks and LISTEN. It reconnects for ever. */
@Injectable()
export class DirectSession {
  /** Called when the session is cut from the other side. */
  cut: () => void = () => {};
  private client: Client | null = null;
  private connecting: Client | null = null;
  private retry: NodeJS.Timeout | null = null;
  private closed = true;
  private failures = 0;
  private prepare: (client: Client) => Promise<void> = async () => {};
  private readonly listeners = new Map<string, () => void>();

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly logger: PinoLogger,
    private readonly metrics: QueueMetrics,
  ) {}

  /** Connects, and runs `prepare` now and after each reconnect. Throws when the first connection fails. */
  async open(prepare: (client: Client) => Promise<void>): Promise<void> {
    this.prepare = prepare;
    this.closed = false;
    await this.connect();
  }

  /** Calls `heard` when somebody notifies `topic`, and after a reconnect, since some may have been missed. */
  on(topic: string, heard: () => void): void {
    this.listeners.set(topic, heard);
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
      keepAlive: true,
    });
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, new Error('the connection ended')));
    client.on('notification', ({ payload }) => this.listeners.get(payload ?? '')?.());
    this.connecting = client;
    try {
      await client.connect();
      // A lost host is noticed by the server after 5 + 2 × 2 s.
      await client.query(`SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 2;
        SET idle_session_timeout = 0; SET statement_timeout = 10000; LISTEN "${channel(DATABASE_SCHEMA)}"`);
      await this.prepare(client);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    } finally {
      this.connecting = null;
    }
    // Only now: what is lost while it connects is told by the failure above, and by nothing else.
    this.client = client;
    this.failures = 0;
  }

  private lost(client: Client, error: Error): void {
    if (this.closed || this.client !== client) return;
    this.client = null;
    this.logger.warn({ err: error }, 'session with the database lost');
    this.cut();
    client.end().catch(() => {});
    this.reconnectSoon();
  }

  private back(): void {
    this.metrics.reconnected();
    this.listeners.forEach((heard) => heard());
  }

  private reconnectSoon(): void {
    const pause = Math.min(LONGEST_PAUSE_MS, 50 * 2 ** this.failures) * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.retry = setTimeout(() => {
      this.connect().then(
        () => this.back(),
        (error: unknown) => {
          this.logger.warn({ err: error }, 'session with the database not yet back');
          if (!this.closed) this.reconnectSoon();
        },
      );
    }, pause);
  }
}

/** The one NOTIFY channel of a schema; the payload is the topic. */
export const channel = (schema: string) => `cronzimus_${schema}`;

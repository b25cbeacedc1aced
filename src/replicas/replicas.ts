import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { Client } from 'pg';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Loop } from '../core/loop.js';
import { packageVersion } from '../core/package-version.js';
import { rows } from '../database/transaction.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { DirectSession } from './direct-session.js';

const HEARTBEAT_MS = 2_000;
/** Together these are the 6 s after which this process aborts what it runs. Others take it for dead after 10 s. */
const SILENCE_MS = 5_000;
const LAST_CHANCE_MS = 1_000;

type Register = (tx: EntityManager, number: number) => Promise<void>;

/** This process as a replica: a row with a number of its own, an advisory lock for as long as it lives, and a heartbeat. */
@Injectable()
export class Replicas {
  /** New at every start, so that a restarted container is not taken for its predecessor. 0: not joined yet. */
  number = 0;
  /** Whether there are other replicas, whose death this process has to notice. */
  hasPeers = false;
  /** Whether there are workers that do not schedule, for which waiting runs have to be in the queue. */
  hasPureWorkers = false;
  readonly heart = new Loop({
    everyMs: HEARTBEAT_MS,
    turn: () => this.beat(),
    failed: (error) => {
      this.logger.warn({ err: error }, 'heartbeat not written');
      if (isAway(error)) this.expectBeat();
    },
  });
  private readonly events = new EventEmitter<{ rejoined: []; silenced: [] }>();
  private register: Register | undefined;
  private silence: NodeJS.Timeout | undefined;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly session: DirectSession,
    private readonly logger: PinoLogger,
  ) {}

  get name(): string {
    return `${this.number} ${hostname()} pid ${process.pid}`;
  }

  /** Calls `register` in each transaction that creates this process's row, for what the other replicas have to know of it. */
  onRegister(register: Register): void {
    if (this.register) throw new Error('onRegister takes one listener, and has one');
    this.register = register;
  }

  /** Calls `listener` when this process goes on under a new number: everything that it had published is gone. */
  onRejoined(listener: () => void): void {
    this.events.on('rejoined', listener);
  }

  /** Calls `listener` when no heartbeat could be written for 6 s: others may soon take over this process's runs. */
  onSilenced(listener: () => void): void {
    this.events.on('silenced', listener);
  }

  async join(): Promise<void> {
    await this.createRow();
    await this.session.open((client) => this.holdLock(client));
    this.heart.start();
    this.expectBeat();
  }

  /** Call it when this process runs nothing any more. */
  async leave(): Promise<void> {
    clearTimeout(this.silence);
    await this.heart.stop();
    clearTimeout(this.silence);
    try {
      await this.database.transaction((tx) => tx.query('DELETE FROM replicas WHERE number = $1', [this.number]));
    } finally {
      await this.session.close();
    }
  }

  private async createRow(): Promise<void> {
    this.number = await this.database.transaction(async (tx) => {
      const [row] = await rows<{ number: number }>(
        tx,
        `INSERT INTO replicas (name, app, version, roles, started_at, seen_at)
         VALUES ('', $1, $2, $3, statement_timestamp(), statement_timestamp()) RETURNING number`,
        [this.environment.APP_NAME, packageVersion, this.environment.ROLES],
      );
      this.number = row!.number;
      await tx.query('UPDATE replicas SET name = $2 WHERE number = $1', [this.number, this.name]);
      await this.register?.(tx, row!.number);
      return row!.number;
    });
  }

  /** Waits for the lock where the server has not noticed yet that our previous session has ended. */
  private async holdLock(client: Client): Promise<void> {
    const { DATABASE_SCHEMA } = this.environment;
    await client.query('SELECT pg_advisory_lock(hashtext($1), $2)', [DATABASE_SCHEMA, this.number]);
    // Tells a replica that saw the lock free that this was a reconnect, not a death.
    await client.query(`UPDATE "${DATABASE_SCHEMA}".replicas SET seen_at = statement_timestamp() WHERE number = $1`, [
      this.number,
    ]);
  }

  private async beat(): Promise<void> {
    const replicas = `"${this.environment.DATABASE_SCHEMA}".replicas`;
    const [row] = await this.database.statement<{ peers: boolean; pureWorkers: boolean }>(
      `UPDATE ${replicas} SET seen_at = statement_timestamp() WHERE number = $1
       RETURNING EXISTS (SELECT FROM ${replicas} WHERE number <> $1) AS peers,
         EXISTS (SELECT FROM ${replicas} WHERE 'worker' = ANY (roles) AND 'scheduler' <> ALL (roles)) AS "pureWorkers"`,
      [this.number],
    );
    if (row) {
      this.hasPeers = row.peers;
      this.hasPureWorkers = row.pureWorkers;
    } else await this.rejoin();
    this.expectBeat();
  }

  /** After a blocked event loop this timer fires before the heartbeat could be written, so that gets a last chance. */
  private expectBeat(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.heart.wake();
      this.silence = setTimeout(() => this.events.emit('silenced'), LAST_CHANCE_MS);
    }, SILENCE_MS);
  }

  /** Others took this process for dead. It goes on under a new number, and its old attempts are not its own any more. */
  private async rejoin(): Promise<void> {
    const taken = this.number;
    await this.session.close();
    await this.createRow();
    await this.session.open((client) => this.holdLock(client));
    this.logger.warn({ before: taken, replica: this.number }, 'declared dead by others and joined again');
    this.events.emit('rejoined');
  }
}

/** The server itself reports that it is away. That holds for all replicas, so nobody can take anything over meanwhile. */
function isAway(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code);
  return ['ECONNREFUSED', '57P01', '57P02', '57P03'].includes(code);
}

import { hostname } from 'node:os';
import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { Client } from 'pg';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Loop } from '../core/loop.js';
import { rows } from '../database/transaction.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { packageVersion } from '../core/package-version.js';
import { DirectSession } from './direct-session.js';

const SIGN_OF_LIFE_MS = 2_000;
/** Together they are the 6 s after which this process gives up what it runs; others take it for dead after 10 s. */
const QUIET_MS = 5_000;
const LAST_CHANCE_MS = 1_000;

/** This process among the replicas: a row with a number of its own, an advisory lock for as long as it lives, a sign of life. */
@Injectable()
export class Replicas {
  /** New at every start, so that a restarted container is not taken for the one before. 0: not joined yet. */
  number = 0;
  /** Called in each transaction that makes a row of this process, for what others are to know of it from then on. */
  registering: (tx: EntityManager, number: number) => Promise<void> = async () => {};
  /** Called when this process goes on under a new number: what it had said of itself is gone. */
  rejoined: () => void = () => {};
  /** Called when this process could not give a sign for 6 s: others may soon take its runs over. */
  silenced: () => void = () => {};
  /** Whether there are others whose death this process has to notice. */
  hasPeers = false;
  readonly heart = new Loop({
    everyMs: SIGN_OF_LIFE_MS,
    turn: () => this.giveSign(),
    failed: (error) => {
      this.logger.warn({ err: error }, 'sign of life not written');
      if (isAway(error)) this.expectSign();
    },
  });
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

  async join(): Promise<void> {
    await this.register();
    await this.session.open((client) => this.holdLock(client));
    this.heart.start();
    this.expectSign();
  }

  /** To be called when no run of this process is left. */
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

  private async register(): Promise<void> {
    this.number = await this.database.transaction(async (tx) => {
      const [row] = await rows<{ number: number }>(
        tx,
        `INSERT INTO replicas (name, app, version, roles, started_at, seen_at)
         VALUES ('', $1, $2, $3, statement_timestamp(), statement_timestamp()) RETURNING number`,
        [this.environment.APP_NAME, packageVersion, this.environment.ROLES],
      );
      this.number = row!.number;
      await tx.query('UPDATE replicas SET name = $2 WHERE number = $1', [this.number, this.name]);
      await this.registering(tx, row!.number);
      return row!.number;
    });
  }

  /** Waits for the lock where the server has not yet noticed the end of our session before. */
  private async holdLock(client: Client): Promise<void> {
    const { DATABASE_SCHEMA } = this.environment;
    await client.query('SELECT pg_advisory_lock(hashtext($1), $2)', [DATABASE_SCHEMA, this.number]);
    // Tells who saw the lock free that this is a reconnect and no death.
    await client.query(`UPDATE "${DATABASE_SCHEMA}".replicas SET seen_at = statement_timestamp() WHERE number = $1`, [
      this.number,
    ]);
  }

  private async giveSign(): Promise<void> {
    const replicas = `"${this.environment.DATABASE_SCHEMA}".replicas`;
    const [row] = await this.database.statement<{ peers: boolean }>(
      `UPDATE ${replicas} SET seen_at = statement_timestamp() WHERE number = $1
       RETURNING EXISTS (SELECT FROM ${replicas} WHERE number <> $1) AS peers`,
      [this.number],
    );
    if (row) this.hasPeers = row.peers;
    else await this.rejoin();
    this.expectSign();
  }

  /** After a blocked event loop the timer comes first, so there is a last chance for a sign. */
  private expectSign(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.heart.wake();
      this.silence = setTimeout(() => this.silenced(), LAST_CHANCE_MS);
    }, QUIET_MS);
  }

  /** Others have taken this process for dead: it goes on under a new number, and its old attempts are no longer its own. */
  private async rejoin(): Promise<void> {
    const taken = this.number;
    await this.session.close();
    await this.register();
    await this.session.open((client) => this.holdLock(client));
    this.logger.warn({ before: taken, replica: this.number }, 'declared dead by others and joined again');
    this.rejoined();
  }
}

/** The server itself says that it is not there, which is true for the others too: nobody can take anything over. */
function isAway(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code);
  return ['ECONNREFUSED', '57P01', '57P02', '57P03'].includes(code);
}

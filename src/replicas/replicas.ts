import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { Client } from 'pg';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Loop } from '../core/loop.js';
import { TZ_VERSION } from '../core/triggers/zone-data.js';
import { packageVersion } from '../core/package-version.js';
import { describeHolders, LockHeldError, type Query } from '../database/lock-holders.js';
import { rows } from '../database/transaction.js';
import { SCHEDULER_APPLICATION } from '../database/data-source.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { whyNobodyCanWrite } from '../database/unavailable.js';
import { DirectSession } from './direct-session.js';
import { type Heartbeat, Heartbeats, type Suspicion } from './heartbeats.js';

const HEARTBEAT_MS = 2_000;
/** After 5 s without a heartbeat there is one last try, and after 6 s this process aborts its attempts. Others declare
 *  it dead after 10 s, so its attempts are aborted before others start the same runs. */
const SILENCE_MS = 5_000;
const LAST_CHANCE_MS = 1_000;
/** How long to try for the lock, how often, and after which time the log says who holds it. */
const HOLD_MS = 10_000;
const LOCK_POLL_MS = 50;
const HOLDER_AFTER_MS = 3_000;

type Register = (tx: EntityManager, number: number) => Promise<void>;

/**
 * This process as a replica. Others see four things of it:
 * - a row with a number of its own. Running runs refer to the number, and a run whose number has no row is taken over.
 * - an advisory lock, held by a session.
 * - the connections of its scheduler pool, by their `application_name`, which no other process has. The server closes
 *   them and frees the lock when the process dies, so others notice a crash after two polls. A live process that loses
 *   its session alone keeps these connections.
 * - a heartbeat, `seen_at`, written through the pool. It detects a process that is stopped or cut off.
 */
@Injectable()
export class Replicas {
  /** New at every start, so that a restarted container is not mistaken for its predecessor. 0 before `join`. */
  number = 0;
  /** Whether there are other replicas, which this process has to watch. Updated with each heartbeat. */
  hasPeers = false;
  /** Whether there are replicas that work and do not schedule. They get runs only from the queue. */
  hasPureWorkers = false;
  /** When the last heartbeat was confirmed, in monotonic milliseconds. -Infinity after a heartbeat that failed: then this
   *  process cannot write, and perhaps nobody can. */
  writtenAt = -Infinity;
  /** Why nobody can write to the database, if the last heartbeat failed for such a reason. Null otherwise. */
  unwritable: string | null = null;
  readonly heart = new Loop({
    everyMs: HEARTBEAT_MS,
    turn: () => this.beat(),
    failed: (error) => {
      this.logger.warn({ err: error }, 'heartbeat not written');
      this.writtenAt = -Infinity;
      this.unwritable = whyNobodyCanWrite(error);
      // Nobody else can write a verdict about this process meanwhile.
      if (this.unwritable) this.expectBeat(performance.now());
    },
  });
  /** The latest instant, in monotonic milliseconds, from which others may count the silence of this process. */
  private silentSince = Infinity;
  private readonly heartbeats = new Heartbeats();
  private readonly events = new EventEmitter<{
    rejoined: [];
    silenced: [];
    removed: [number];
    suspected: [Suspicion];
  }>();
  private register: Register | undefined;
  private silence: NodeJS.Timeout | undefined;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly session: DirectSession,
    private readonly logger: PinoLogger,
  ) {}

  get name(): string {
    return nameOf(this.number);
  }

  /** Whether others may soon take over, or have taken over, the runs of this process. Then it may not start any. The
   *  event `silenced` alone would not do: after SIGCONT, a response that waits in a socket is read before that timer
   *  fires. */
  get silent(): boolean {
    return performance.now() - this.silentSince > SILENCE_MS + LAST_CHANCE_MS;
  }

  /** Calls `register` in each transaction that creates the row of this process, so that it can store what other
   *  replicas must know about it. Throws if there is a listener already. */
  onRegister(register: Register): void {
    if (this.register) throw new Error('onRegister takes one listener, and there already is one');
    this.register = register;
  }

  /** Calls `listener` when this process has joined again under a new number. Everything that it had stored with its old
   *  row is gone. */
  onRejoined(listener: () => void): void {
    this.events.on('rejoined', listener);
  }

  /** Calls `listener` with the number of this process when others have deleted its row, before it joins again. They take
   *  over the runs of that number. */
  onRemoved(listener: (number: number) => void): void {
    this.events.on('removed', listener);
  }

  /** Calls `listener` when no heartbeat could be written for 6 s. Others may soon take over this process's runs. */
  onSilenced(listener: () => void): void {
    this.events.on('silenced', listener);
  }

  /** Calls `listener` when the database may have lost committed data: after a heartbeat that proves it, and without a proof after
   *  each reconnect of the session, which is also part of joining again. */
  onSuspected(listener: (suspicion: Suspicion) => void): void {
    this.events.on('suspected', listener);
  }

  /** Creates the row, then takes the lock, then starts the heartbeat. Throws if the database cannot be reached. */
  async join(): Promise<void> {
    await this.createRow();
    let reconnect = false;
    await this.session.open(async (client) => {
      await this.holdLock(client, reconnect);
      reconnect = true;
    });
    this.heart.start();
    this.expectBeat(performance.now());
  }

  /** Deletes the row and ends the session. Call it when this process executes no run any more. */
  async leave(): Promise<void> {
    clearTimeout(this.silence);
    await this.heart.stop();
    // The last heartbeat may have set the timer again.
    clearTimeout(this.silence);
    try {
      await this.database.transaction((tx) => tx.query('DELETE FROM replicas WHERE number = $1', [this.number]));
    } finally {
      await this.session.close();
    }
  }

  /** The `application_name` of the connections whose absence proves that this process is gone. Null if DATABASE_URL may
   *  lead through a pooler, which lends the server's connections to other clients. */
  private get connections(): string | null {
    const { DATABASE_DIRECT_URL, DATABASE_URL } = this.environment;
    return DATABASE_DIRECT_URL === undefined || DATABASE_DIRECT_URL === DATABASE_URL ? SCHEDULER_APPLICATION : null;
  }

  /** Takes a new number only when the row is known to be committed. Otherwise the next heartbeat finds no row, and tries again. */
  private async createRow(): Promise<void> {
    const { number: created, seenAt } = await this.database.transaction(async (tx) => {
      const [row] = await rows<{ number: number; seenAt: Date }>(
        tx,
        `INSERT INTO replicas (name, app, version, tz_version, roles, connections, started_at, seen_at)
         VALUES ('', $1, $2, $3, $4, $5, statement_timestamp(), statement_timestamp())
         RETURNING number, seen_at AS "seenAt"`,
        [this.environment.APP_NAME, packageVersion, TZ_VERSION, this.environment.ROLES, this.connections],
      );
      const { number } = row!;
      await tx.query('UPDATE replicas SET name = $2 WHERE number = $1', [number, nameOf(number)]);
      await this.register?.(tx, number);
      return row!;
    });
    this.number = created;
    this.heartbeats.begin(seenAt);
  }

  /** Takes the lock. Waits up to 10 s if the server has not noticed yet that our previous session has ended. Throws LOCK_HELD. */
  private async holdLock(client: Client, reconnect: boolean): Promise<void> {
    const { DATABASE_SCHEMA } = this.environment;
    const query: Query = async <T>(text: string, values: unknown[]) => (await client.query(text, values)).rows as T[];
    const holders = () => describeHolders(query, { name: DATABASE_SCHEMA, number: this.number });
    let warnAt = performance.now() + HOLDER_AFTER_MS;
    const giveUpAt = performance.now() + HOLD_MS;
    const key = [DATABASE_SCHEMA, this.number];
    for (;;) {
      const [row] = await query<{ taken: boolean }>('SELECT pg_try_advisory_lock(hashtext($1), $2) AS taken', key);
      if (row!.taken) break;
      if (performance.now() > giveUpAt) throw new LockHeldError('The presence of this process', await holders());
      if (performance.now() > warnAt) {
        warnAt = Infinity;
        this.logger.warn(`the lock of this replica is not free; ${await holders()}`);
      }
      await pause(LOCK_POLL_MS);
    }
    // A replica that saw the lock free in one poll sees a new heartbeat in the next, and knows that this was a
    // reconnect.
    const sent = this.heartbeats.send();
    const [row] = await query<Heartbeat>(heartbeat(`"${DATABASE_SCHEMA}".replicas`), [this.number]);
    if (!row) return;
    const suspicion = this.heartbeats.confirm(sent, row);
    if (suspicion) this.events.emit('suspected', suspicion);
    else if (reconnect) this.events.emit('suspected', { lostBeat: null, from: null, until: row.seenAt });
  }

  private async beat(): Promise<void> {
    let sentAt = performance.now();
    const replicas = `"${this.environment.DATABASE_SCHEMA}".replicas`;
    const sent = this.heartbeats.send();
    const [row] = await this.database.statement<Heartbeat & { peers: boolean; pureWorkers: boolean }>(
      `${heartbeat(replicas)}, EXISTS (SELECT FROM ${replicas} WHERE number <> $1) AS peers,
         EXISTS (SELECT FROM ${replicas} WHERE 'worker' = ANY (roles) AND 'scheduler' <> ALL (roles)) AS "pureWorkers"`,
      [this.number],
    );
    if (row) {
      this.hasPeers = row.peers;
      this.hasPureWorkers = row.pureWorkers;
      const suspicion = this.heartbeats.confirm(sent, row);
      if (suspicion) this.events.emit('suspected', suspicion);
    } else sentAt = await this.rejoin();
    this.writtenAt = performance.now();
    this.unwritable = null;
    // Others may have seen this heartbeat as soon as it was sent.
    this.expectBeat(sentAt);
  }

  /** Starts the time that may pass until the next heartbeat, from `since` on. After a blocked event loop this timer fires
   *  before the overdue heartbeat could be sent, so there is one more try before `silenced`. */
  private expectBeat(since: number): void {
    this.silentSince = since;
    clearTimeout(this.silence);
    this.silence = setTimeout(
      () => {
        this.heart.wake();
        this.silence = setTimeout(() => this.events.emit('silenced'), LAST_CHANCE_MS);
      },
      Math.max(0, since + SILENCE_MS - performance.now()),
    );
  }

  /** Others have deleted the row of this process and take over its runs. It continues under a new number. The worker
   *  aborts the attempts of the old one, whose results would be refused. Returns when the first sign of life of the new number was
   *  sent, in monotonic milliseconds. */
  private async rejoin(): Promise<number> {
    const before = this.number;
    // At once, even if joining again takes long: others may be starting the same runs.
    this.events.emit('removed', before);
    await this.session.close();
    const sentAt = performance.now();
    await this.createRow();
    await this.session.reopen((client) => this.holdLock(client, true));
    this.logger.warn({ before, replica: this.number }, 'declared dead by others and joined again');
    this.events.emit('rejoined');
    return sentAt;
  }
}

// Returns the count of the heartbeats and the previous heartbeat, from which `Heartbeats` sees whether the database has lost any.
const heartbeat = (replicas: string) => `
  UPDATE ${replicas} AS replica SET seen_at = statement_timestamp(), beats = replica.beats + 1
  FROM (SELECT seen_at FROM ${replicas} WHERE number = $1) AS previous WHERE number = $1
  RETURNING replica.beats, replica.seen_at AS "seenAt", previous.seen_at AS before`;

const nameOf = (number: number): string => `${number} ${hostname()} pid ${process.pid}`;

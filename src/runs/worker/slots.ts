import { EventEmitter, once } from 'node:events';
import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import type { Capacity, ClaimedRun } from '../lifecycle/claim-runs.js';
import { isBackground } from '../lifecycle/run-queue.js';
import { Attempts } from './attempts.js';
import { ClaimedAhead } from './claimed-ahead.js';

/** While more results than this wait to be written, this process starts nothing. */
const MAX_UNWRITTEN = 1_000;

/** Capacity set aside for a claim or a dispatch whose transaction is running. */
export interface Reservation {
  /** Free slots. */
  slots: number;
  /** How many more runs may be claimed ahead. */
  ahead: number;
}

export interface ClaimReservation extends Reservation {
  /** The count of changes at that time. */
  since: number;
}

/** What may be waiting in the queue. */
interface Waiting {
  /** Runs for which the last claim had no capacity. */
  moreWait: boolean;
  /** Among them runs that a direct start would overtake. While true, no run starts directly. */
  moreLiveWait: boolean;
}

export const NONE: Reservation = { slots: 0, ahead: 0 };

export const sizeOf = ({ slots, ahead }: Reservation): number => slots + ahead;

/** How many runs this process can start now. Claims and direct starts both reserve capacity here, so they never use the
 *  same slot. */
@Injectable()
export class Slots {
  private isOpen = false;
  private waiting: Waiting = { moreWait: true, moreLiveWait: true };
  /** Counts slots that became free, and results that were written. */
  private changes = 0;
  private readonly reserved: Reservation = { slots: 0, ahead: 0 };
  /** The reservations of claims and creations whose runs this process has not accepted yet. */
  private readonly unaccepted = new Set<Reservation>();
  private readonly events = new EventEmitter<{ changed: []; available: []; overtakable: [] }>();

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly tasks: TaskRegistry,
    private readonly attempts: Attempts,
    private readonly ahead: ClaimedAhead,
  ) {}

  /** Calls `listener` whenever a slot may have become free. */
  onChanged(listener: () => void): void {
    this.events.on('changed', listener);
  }

  /** Calls `listener` whenever that leaves enough capacity for a claim, and runs may wait in the queue. */
  onClaimable(listener: () => void): void {
    this.events.on('available', () => this.waiting.moreWait && listener());
  }

  /** Resolves when runs may be created again after `reserveForCreation` had nothing, and after `ms` in any case. */
  async creatable(ms: number): Promise<void> {
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), ms);
    const { signal } = over;
    await Promise.race([
      once(this.events, 'available', { signal }),
      once(this.events, 'overtakable', { signal }),
    ]).catch(() => {});
    clearTimeout(timer);
    over.abort();
  }

  /** Runs may start in this process from now on. */
  open(): void {
    this.isOpen = true;
  }

  /** No run starts in this process from now on. */
  close(): void {
    this.isOpen = false;
  }

  /** Call this when a slot became free, and when the result of an attempt was written. */
  changed(): void {
    this.changes += 1;
    this.announce();
  }

  /** Whether slots become free so fast that waiting a few milliseconds for one is worthwhile. */
  get turnsOver(): boolean {
    return this.ahead.turnsOver(this.environment.WORKER_CONCURRENCY);
  }

  /** How many slots became free within the last 50 ms. */
  get turnover(): number {
    return this.ahead.turnover();
  }

  /** Resolves with true when no run may start here any more that a claim or a creation has stored before this call: each of
   *  them has been accepted, or its transaction has ended with an error. Resolves with false after `ms`. */
  async accepted(ms: number): Promise<boolean> {
    const before = [...this.unaccepted];
    const areAccepted = () => !before.some((reservation) => this.unaccepted.has(reservation));
    if (areAccepted()) return true;
    return new Promise((resolve) => {
      const check = () => areAccepted() && end();
      const end = () => {
        clearTimeout(timer);
        this.events.off('changed', check);
        resolve(areAccepted());
      };
      const timer = setTimeout(end, ms);
      this.events.on('changed', check);
    });
  }

  /** Slots that are free and not reserved. */
  free(): number {
    if (this.attempts.unwritten > MAX_UNWRITTEN) return 0;
    return this.environment.WORKER_CONCURRENCY - this.attempts.slotsHeld - this.reserved.slots;
  }

  /** Reserves all capacity for a claim. Null if there is too little for a claim to be worthwhile. */
  reserveForClaim(): ClaimReservation | null {
    if (!this.isWorthwhile()) return null;
    const reservation = this.reserve({ slots: this.free(), ahead: this.allowance() });
    return Object.assign(reservation, { since: this.changes });
  }

  /** Reserves capacity for runs that are being created: at most one of `share` equal parts of all slots. Nothing while
   *  other runs wait in the queue. */
  reserveForCreation(share: number, mayBeAhead: boolean): Reservation {
    if (!this.isOpen || this.waiting.moreLiveWait || !this.isWorthwhile()) return NONE;
    const part = (all: number, free: number) => Math.max(0, Math.min(Math.ceil(all / share), free));
    return this.reserve({
      slots: part(this.environment.WORKER_CONCURRENCY, this.free()),
      ahead: mayBeAhead ? part(this.ahead.turnover(), this.allowance()) : 0,
    });
  }

  /** Call this when created runs hold their slots, or when the transaction failed. */
  release(reservation: Reservation): void {
    this.unreserve(reservation);
    this.announce();
  }

  /** The same for a claim. Does not report the capacity as available: the claim has just found that it cannot use it.
   *  Returns whether a slot has become free since the reservation, so that another claim may find more. */
  releaseClaim(reservation: ClaimReservation): boolean {
    this.unreserve(reservation);
    this.events.emit('changed');
    return this.changes > reservation.since;
  }

  /** What a claim with this reservation may take. Background runs never hold more than half of the slots. */
  capacity({ slots, ahead }: Reservation, readySince: Date | null): Capacity {
    const { WORKER_CONCURRENCY, TRANSACTIONAL_POOL_MAX } = this.environment;
    // Runs that were claimed ahead will hold a slot in a moment.
    const claimed = [...this.attempts.holding, ...this.ahead.runs];
    const background = claimed.filter(({ priority }) => isBackground(priority));
    return {
      slots,
      ahead,
      transactional: TRANSACTIONAL_POOL_MAX - this.transactionalOf(claimed),
      background: {
        slots: halfOf(WORKER_CONCURRENCY) - background.length,
        transactional: halfOf(TRANSACTIONAL_POOL_MAX) - this.transactionalOf(background),
      },
      suspects: claimed.some(({ suspect }) => suspect) ? 0 : 1,
      tasks: this.taskNames(),
      transactionalTasks: this.tasks.transactional(),
      readySince,
    };
  }

  /** What the last claim or poll has found. */
  found({ moreWait, moreLiveWait }: Waiting): void {
    this.waiting = { moreWait, moreLiveWait };
    if (!moreLiveWait) this.events.emit('overtakable');
  }

  taskNames(): string[] {
    return this.tasks.all().map(({ options }) => options.name);
  }

  /** Whether this process can start a run of this task without a claim: it has the task, and the task is not
   *  transactional. Only a claim counts the connections that transactional tasks need. */
  startsDirectly(task: string): boolean {
    const known = this.tasks.find(task);
    return known !== undefined && !known.options.transactional;
  }

  /** Whether these attempts hold at least half of all slots, or at least half of the connections for transactional
   *  tasks. */
  areHalf(attempts: ClaimedRun[]): boolean {
    const { WORKER_CONCURRENCY, TRANSACTIONAL_POOL_MAX } = this.environment;
    return attempts.length * 2 >= WORKER_CONCURRENCY || this.transactionalOf(attempts) * 2 >= TRANSACTIONAL_POOL_MAX;
  }

  /** A claim of one run costs nearly as much as a claim of many. So while runs are claimed ahead, a claim waits until
   *  it can take half of the runs that start within 50 ms. Otherwise one free slot is enough. */
  private isWorthwhile(): boolean {
    const ahead = this.allowance();
    return this.free() + ahead >= (ahead > 0 ? this.ahead.turnover() / 2 : 1);
  }

  private allowance(): number {
    if (this.attempts.unwritten > MAX_UNWRITTEN) return 0;
    return Math.max(0, this.ahead.allowance(this.environment.WORKER_CONCURRENCY) - this.reserved.ahead);
  }

  private announce(): void {
    this.events.emit('changed');
    if (this.isWorthwhile()) this.events.emit('available');
  }

  private unreserve(reservation: Reservation): void {
    this.unaccepted.delete(reservation);
    this.reserved.slots -= reservation.slots;
    this.reserved.ahead -= reservation.ahead;
  }

  private reserve({ slots, ahead }: Reservation): Reservation {
    const reservation = { slots: Math.max(0, slots), ahead };
    this.reserved.slots += reservation.slots;
    this.reserved.ahead += ahead;
    this.unaccepted.add(reservation);
    return reservation;
  }

  private transactionalOf(attempts: ClaimedRun[]): number {
    const tasks = this.tasks.transactional();
    return attempts.filter(({ task }) => tasks.includes(task)).length;
  }
}

/** At least one. Otherwise a process with one slot would never run a backfill. */
const halfOf = (slots: number) => Math.max(1, Math.floor(slots / 2));

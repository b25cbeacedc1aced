import { EventEmitter } from 'node:events';
import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import type { Capacity, Claim, ClaimedRun } from '../lifecycle/claim-runs.js';
import { isBackground } from '../lifecycle/run-queue.js';
import { Attempts } from './attempts.js';
import { ClaimedAhead } from './claimed-ahead.js';

/** While more ends than this wait to be written, nothing more is started. */
const MAX_UNWRITTEN = 1_000;

/** Capacity that a claim or a dispatch in flight may fill. */
export interface Reservation {
  /** Free slots. */
  slots: number;
  /** How many more runs may be claimed ahead. */
  ahead: number;
}

export const NONE: Reservation = { slots: 0, ahead: 0 };

export const sizeOf = ({ slots, ahead }: Reservation): number => slots + ahead;

/** What this worker can start besides what it runs now. */
@Injectable()
export class Slots {
  /** Whether runs may start in this process. */
  open = false;
  /** Whether runs may wait in the queue that this worker had no capacity for. */
  moreWait = true;
  /** The same for runs that are not in the background. Others must not overtake them. */
  moreLiveWait = true;
  private readonly reserved: Reservation = { slots: 0, ahead: 0 };
  private readonly events = new EventEmitter<{ changed: []; available: [] }>();

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

  /** Calls `listener` whenever that leaves enough capacity for a claim. */
  onAvailable(listener: () => void): void {
    this.events.on('available', listener);
  }

  offAvailable(listener: () => void): void {
    this.events.off('available', listener);
  }

  /** To be called when a slot became free, and when the end of an attempt was written. */
  changed(): void {
    this.events.emit('changed');
    if (this.isWorthwhile()) this.events.emit('available');
  }

  /** Whether slots become free so fast that waiting a few milliseconds pays. */
  get turnOver(): boolean {
    return this.ahead.turnover() * 2 >= this.environment.WORKER_CONCURRENCY;
  }

  /** Slots that are free and not reserved. */
  free(): number {
    if (this.attempts.unwritten > MAX_UNWRITTEN) return 0;
    return this.environment.WORKER_CONCURRENCY - this.attempts.slotsHeld - this.reserved.slots;
  }

  /** Reserves all capacity for a claim; null where there is too little. */
  reserveForClaim(): Reservation | null {
    if (!this.isWorthwhile()) return null;
    return this.reserve({ slots: this.free(), ahead: this.allowance() });
  }

  /** Reserves at most one of `share` parts of the capacity for runs that are being created. None while others wait in the queue. */
  reserveForCreation(share: number, mayBeAhead: boolean): Reservation {
    if (!this.open || this.moreLiveWait || !this.isWorthwhile()) return NONE;
    const part = (all: number, free: number) => Math.max(0, Math.min(Math.ceil(all / share), free));
    return this.reserve({
      slots: part(this.environment.WORKER_CONCURRENCY, this.free()),
      ahead: mayBeAhead ? part(this.ahead.turnover(), this.allowance()) : 0,
    });
  }

  /** To be called when the runs hold their slots. */
  release({ slots, ahead }: Reservation): void {
    this.reserved.slots -= slots;
    this.reserved.ahead -= ahead;
    this.changed();
  }

  /** What a claim may take with this reservation. */
  capacity(reservation: Reservation, readySince: Date | null): Capacity {
    const { WORKER_CONCURRENCY, TRANSACTIONAL_POOL_MAX } = this.environment;
    // Runs that were claimed ahead will hold a slot in a moment.
    const claimed = [...this.attempts.holding, ...this.ahead.runs];
    const background = claimed.filter(({ priority }) => isBackground(priority));
    return {
      ...reservation,
      transactional: TRANSACTIONAL_POOL_MAX - this.transactionalOf(claimed),
      background: {
        slots: halfOf(WORKER_CONCURRENCY) - background.length,
        transactional: halfOf(TRANSACTIONAL_POOL_MAX) - this.transactionalOf(background),
      },
      tasks: this.taskNames(),
      transactionalTasks: this.tasks.transactional(),
      readySince,
    };
  }

  claimed({ moreWait, moreLiveWait }: Pick<Claim, 'moreWait' | 'moreLiveWait'>): void {
    this.moreWait = moreWait;
    this.moreLiveWait = moreLiveWait;
  }

  taskNames(): string[] {
    return this.tasks.all().map(({ options }) => options.name);
  }

  /** Whether this process can start a run in the moment that it is created: it has the task, and the task needs no connection. */
  startsDirectly(task: string): boolean {
    const known = this.tasks.find(task);
    return known !== undefined && !known.options.transactional;
  }

  /** Whether these attempts hold half of the slots or more, of all slots or of those of transactional tasks. */
  areHalf(attempts: ClaimedRun[]): boolean {
    const { WORKER_CONCURRENCY, TRANSACTIONAL_POOL_MAX } = this.environment;
    return attempts.length * 2 >= WORKER_CONCURRENCY || this.transactionalOf(attempts) * 2 >= TRANSACTIONAL_POOL_MAX;
  }

  /** A claim costs nearly the same for one run as for many. Where runs are claimed ahead, it waits until half of what starts in 50 ms
   *  can be claimed. */
  private isWorthwhile(): boolean {
    const ahead = this.allowance();
    return this.free() + ahead >= (ahead > 0 ? this.ahead.turnover() / 2 : 1);
  }

  private allowance(): number {
    if (this.attempts.unwritten > MAX_UNWRITTEN) return 0;
    return Math.max(0, this.ahead.allowance(this.environment.WORKER_CONCURRENCY) - this.reserved.ahead);
  }

  private reserve({ slots, ahead }: Reservation): Reservation {
    const reservation = { slots: Math.max(0, slots), ahead };
    this.reserved.slots += reservation.slots;
    this.reserved.ahead += ahead;
    return reservation;
  }

  private transactionalOf(attempts: ClaimedRun[]): number {
    const tasks = this.tasks.transactional();
    return attempts.filter(({ task }) => tasks.includes(task)).length;
  }
}

/** At least one, or a process with one slot would never run a backfill. */
const halfOf = (slots: number) => Math.max(1, Math.floor(slots / 2));

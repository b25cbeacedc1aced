import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { isBackground } from '../lifecycle/background.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import { Attempts } from './attempts.js';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import type { FreeSlots } from '../lifecycle/fetch-tickets.js';

/** For so long the tickets of a task are passed over that this process does not know. */
const PASSED_OVER_MS = 60_000;
/** Ends that wait to be written before nothing more is started. */
const MOST_UNWRITTEN = 1_000;
/** So long after nothing waited in the background, it is asked for again: what is live need not wait for the answer. */
const QUIET_MS = 1_000;

/** What this worker can start, besides what it runs now. */
@Injectable()
export class Slots {
  /** Until when each is passed over, local milliseconds. */
  private readonly unknown = new Map<string, number>();
  /** Whether runs may start here. */
  open = false;
  /** Whether more may wait than there was room for; so it is until somebody has looked. */
  full = true;
  /** How many a claim under way has asked for. */
  private claiming = 0;
  /** For runs that are being made. */
  private reserved = 0;
  /** Until when the background is not asked for, local milliseconds. */
  private quietUntil = 0;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly tasks: TaskRegistry,
    private readonly attempts: Attempts,
  ) {}

  /** For a claim; none while too many ends wait to be written. */
  free(): FreeSlots {
    const { WORKER_CONCURRENCY, TRANSACTIONAL_POOL_MAX } = this.environment;
    const running = this.attempts.holding;
    const background = running.filter(({ priority }) => isBackground(priority));
    return {
      slots: this.attempts.unwritten > MOST_UNWRITTEN ? 0 : WORKER_CONCURRENCY - running.length - this.reserved,
      transactional: TRANSACTIONAL_POOL_MAX - this.transactional(running),
      background:
        Date.now() < this.quietUntil
          ? null
          : {
              slots: halfOf(WORKER_CONCURRENCY) - background.length,
              transactional: halfOf(TRANSACTIONAL_POOL_MAX) - this.transactional(background),
            },
      transactionalTasks: this.tasks.transactional(),
      unknownTasks: this.passedOver(),
      knows: (task) => this.tasks.find(task) !== undefined,
    };
  }

  /** Keeps the slots that a claim asks for from others, until the runs are in them. */
  async whileClaiming<T>(slots: number, claim: () => Promise<T>): Promise<T> {
    this.claiming = slots;
    try {
      return await claim();
    } finally {
      this.claiming = 0;
    }
  }

  /** The slots that are free and that no claim has asked for, at most one of `share` parts of all, and none while others may wait
   *  for one; they are kept until released. */
  reserve(share: number): number {
    const most = Math.ceil(this.environment.WORKER_CONCURRENCY / share);
    const slots = this.open && !this.full ? Math.min(most, Math.max(0, this.free().slots - this.claiming)) : 0;
    this.reserved += slots;
    return slots;
  }

  release(slots: number): void {
    this.reserved -= slots;
  }

  /** Whether this process can start it in the moment that it is made: it knows it, and needs no connection for it. */
  takesDirectly(task: string): boolean {
    const known = this.tasks.find(task);
    return known !== undefined && !known.options.transactional;
  }

  /** Whether so many hold half of the slots of either kind. */
  areHalf(attempts: ClaimedRun[]): boolean {
    const { WORKER_CONCURRENCY, TRANSACTIONAL_POOL_MAX } = this.environment;
    return attempts.length * 2 >= WORKER_CONCURRENCY || this.transactional(attempts) * 2 >= TRANSACTIONAL_POOL_MAX;
  }

  /** How many waited in the background; null: nobody asked, or not for all. */
  foundInBackground(count: number | null): void {
    if (count === 0) this.quietUntil = Date.now() + QUIET_MS;
  }

  passOver(tasks: string[]): void {
    for (const task of tasks) this.unknown.set(task, Date.now() + PASSED_OVER_MS);
  }

  private transactional(attempts: ClaimedRun[]): number {
    const tasks = this.tasks.transactional();
    return attempts.filter(({ task }) => tasks.includes(task)).length;
  }

  private passedOver(): string[] {
    for (const [task, until] of this.unknown) if (until < Date.now()) this.unknown.delete(task);
    return [...this.unknown.keys()];
  }
}

/** At least one, or a process with one slot would never come to a backfill. */
const halfOf = (slots: number) => Math.max(1, Math.floor(slots / 2));

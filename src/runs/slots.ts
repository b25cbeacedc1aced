import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { isBackground } from '../queue/background.js';
import { TaskRegistry } from '../tasks/task.registry.js';
import type { ClaimedRun } from './claim-runs.js';
import type { FreeSlots } from './fetch-tickets.js';

/** For so long the tickets of a task are passed over that this process does not know. */
const PASSED_OVER_MS = 60_000;
/** So long after nothing waited in the background, it is asked for again: what is live need not wait for the answer. */
const QUIET_MS = 1_000;

/** What this worker can start, besides what it runs now. */
@Injectable()
export class Slots {
  /** Until when each is passed over, local milliseconds. */
  private readonly unknown = new Map<string, number>();
  /** Until when the background is not asked for, local milliseconds. */
  private quietUntil = 0;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly tasks: TaskRegistry,
  ) {}

  free(running: ClaimedRun[]): FreeSlots {
    const { WORKER_CONCURRENCY, TRANSACTIONAL_POOL_MAX } = this.environment;
    const background = running.filter(({ priority }) => isBackground(priority));
    return {
      slots: WORKER_CONCURRENCY - running.length,
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

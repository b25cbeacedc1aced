import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { isBackground } from '../queue/background.js';
import { TaskRegistry } from '../tasks/task.registry.js';
import type { ClaimedRun, FreeSlots } from './claim-runs.js';

/** For so long the tickets of a task are passed over that this process does not know. */
const PASSED_OVER_MS = 60_000;

/** What this worker can start, besides what it runs now. */
@Injectable()
export class Slots {
  /** Until when each is passed over, local milliseconds. */
  private readonly unknown = new Map<string, number>();

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
      background: {
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

import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
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
    const transactionalTasks = this.tasks.transactional();
    const transactional = running.filter(({ task }) => transactionalTasks.includes(task)).length;
    return {
      slots: WORKER_CONCURRENCY - running.length,
      transactional: TRANSACTIONAL_POOL_MAX - transactional,
      transactionalTasks,
      unknownTasks: this.passedOver(),
      knows: (task) => this.tasks.find(task) !== undefined,
    };
  }

  passOver(tasks: string[]): void {
    for (const task of tasks) this.unknown.set(task, Date.now() + PASSED_OVER_MS);
  }

  private passedOver(): string[] {
    for (const [task, until] of this.unknown) if (until < Date.now()) this.unknown.delete(task);
    return [...this.unknown.keys()];
  }
}

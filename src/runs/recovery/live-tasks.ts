import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';

const HOUR_MS = 3_600_000;
/** After the start of this process, workers that start at the same time get this long to publish their tasks. */
const GRACE_MS = 15_000;

/** Remembers which tasks live workers had, so that the restart of the only worker with a task does not fail the task's
 *  waiting runs. */
export class LiveTasks {
  /** When each task was last seen with a live worker. Monotonic milliseconds, as all times here. */
  private readonly lastSeen = new Map<string, number>();

  constructor(private readonly since = performance.now()) {}

  /** Reads what live workers have now. Returns the tasks that this process has seen with a live worker within the last
   *  hour. Null: it has not watched for long enough to tell. */
  async seenLately(tx: EntityManager, now = performance.now()): Promise<string[] | null> {
    for (const { name } of await rows<{ name: string }>(tx, 'SELECT DISTINCT name FROM tasks'))
      this.lastSeen.set(name, now);
    for (const [name, at] of this.lastSeen) if (now - at > HOUR_MS) this.lastSeen.delete(name);
    return now - this.since < GRACE_MS ? null : [...this.lastSeen.keys()];
  }
}

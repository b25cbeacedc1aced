const DEADLOCK_DETECTED = '40P01';
const MAX_TRIES = 5;

/** Runs `work`, and runs it again when the server aborts it to end a deadlock. After the fifth try it throws that try's error.
 *  Deadlocks happen because a migration locks tables, and a request that changes many runs locks rows, in a different order than
 *  replicas that work at the same time. */
export async function withoutDeadlock<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === MAX_TRIES || (error as { code?: unknown }).code !== DEADLOCK_DETECTED) throw error;
    }
  }
}

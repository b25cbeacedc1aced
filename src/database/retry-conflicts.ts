/** Serialization failure, deadlock. PostgreSQL has rolled the transaction back, and the same work may succeed now. */
const CONFLICTS = new Set<unknown>(['40001', '40P01']);
const MAX_TRIES = 5;

/** Runs `work`, and runs it again when the server aborts it because of other transactions. After the fifth try it throws that try's
 *  error. Deadlocks happen because a migration locks tables, and a request that changes many runs locks rows, in a different order
 *  than replicas that work at the same time. Serialization failures happen where the default isolation of the role applies, which
 *  is in single statements. */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === MAX_TRIES || !CONFLICTS.has((error as { code?: unknown }).code)) throw error;
    }
  }
}

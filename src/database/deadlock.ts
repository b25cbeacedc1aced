const DEADLOCK_DETECTED = '40P01';
const MOST_TRIES = 5;

/** Does it again where the server chose it as the victim of a deadlock, which rolls it back: a migration locks tables, and a
 *  request that changes many runs locks rows, in another order than the replicas that go on meanwhile. Throws what the fifth
 *  try throws. */
export async function withoutDeadlock<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === MOST_TRIES || (error as { code?: unknown }).code !== DEADLOCK_DETECTED) throw error;
    }
  }
}

const DEADLOCK_DETECTED = '40P01';
const MOST_TRIES = 5;

/** Does it again where the server chose it as the victim of a deadlock, which rolls it back: a migration locks tables in
 *  another order than the replicas that go on meanwhile. Throws what the fifth try throws. */
export async function withoutDeadlock(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (tries === MOST_TRIES || (error as { code?: unknown }).code !== DEADLOCK_DETECTED) throw error;
    }
  }
}

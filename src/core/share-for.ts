/** Returns a function that returns the result of `read`, also when it is a rejection. Callers with the same `key` share the result for
 *  `ms` milliseconds, counted from the start of the read, and for as long as the read takes. So there is one read at a time. */
export function shareFor<T>(ms: number, read: () => Promise<T>): (key?: unknown) => Promise<T> {
  let shared: { key: unknown; readAt: number; settled: boolean; result: Promise<T> } | undefined;
  return (key) => {
    const now = performance.now();
    if (shared && shared.key === key && (!shared.settled || now - shared.readAt < ms)) return shared.result;
    const next = { key, readAt: now, settled: false, result: read() };
    const settle = () => (next.settled = true);
    next.result.then(settle, settle);
    shared = next;
    return next.result;
  };
}

/** Makes each value once and keeps the `limit` ones used last. What throws is not kept. */
export function remember<Value>(limit: number, make: (key: string) => Value): (key: string) => Value {
  const kept = new Map<string, { value: Value }>();
  return (key) => {
    const entry = kept.get(key) ?? { value: make(key) };
    kept.delete(key);
    kept.set(key, entry);
    if (kept.size > limit) kept.delete(kept.keys().next().value!);
    return entry.value;
  };
}

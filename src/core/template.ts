/** Fills `{{name}}` in the strings of a JSON value; an unknown name stays as it is. Keys are left alone. */
export function fillIn<T>(value: T, words: Record<string, string>): T {
  if (typeof value === 'string')
    return value.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (all, name: string) =>
      Object.hasOwn(words, name) ? words[name]! : all,
    ) as T;
  if (Array.isArray(value)) return value.map((item) => fillIn(item, words)) as T;
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillIn(item, words)])) as T;
  return value;
}

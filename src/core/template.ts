/** Replaces each `{{name}}` in the strings of a JSON value with `values[name]`. Unknown names and object keys stay as they are. */
export function fillIn<T>(value: T, values: Record<string, string>): T {
  if (typeof value === 'string')
    return value.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (all, name: string) =>
      Object.hasOwn(values, name) ? values[name]! : all,
    ) as T;
  if (Array.isArray(value)) return value.map((item) => fillIn(item, values)) as T;
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillIn(item, values)])) as T;
  return value;
}

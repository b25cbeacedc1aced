/** Stands in an input for a text that lies in the file `SECRETS_DIR/<name>`. */
export interface SecretReference {
  $secret: string;
}

/** An input in which a reference may stand for any value. */
export type WithSecrets<T> = T extends object ? { [K in keyof T]: WithSecrets<T[K]> | SecretReference } : T;

type Path = readonly PropertyKey[];

/** Files of the folder itself: neither a way out of it nor the hidden ones that Kubernetes keeps there. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

export const referenceHelp =
  'A reference is { "$secret": "name" } and nothing else; a name is 1-128 of A-Z a-z 0-9 . _ -, the first a letter, a digit or _';

/** The places below `input` that hold an object with `$secret`. `name` is null where that is no sound reference. */
export function referencesIn(input: unknown, path: Path = []): { path: Path; name: string | null }[] {
  if (typeof input !== 'object' || input === null) return [];
  if (path.length > 0 && isReference(input)) return [{ path, name: soundName(input) }];
  return Object.entries(input).flatMap(([key, value]) =>
    referencesIn(value, [...path, Array.isArray(input) ? Number(key) : key]),
  );
}

/** The input with each reference replaced by what `secretOf` has for its name. */
export function replaceReferences(input: unknown, secretOf: (name: string) => string): unknown {
  if (Array.isArray(input)) return input.map((item) => replaced(item, secretOf));
  if (typeof input !== 'object' || input === null) return input;
  return Object.fromEntries(Object.entries(input).map(([key, item]) => [key, replaced(item, secretOf)]));
}

function replaced(value: unknown, secretOf: (name: string) => string): unknown {
  const name = isReference(value) ? soundName(value) : null;
  return name === null ? replaceReferences(value, secretOf) : secretOf(name);
}

const isReference = (value: unknown): value is SecretReference =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, '$secret');

const soundName = (value: SecretReference): string | null =>
  typeof value.$secret === 'string' && NAME.test(value.$secret) && Object.keys(value).length === 1
    ? value.$secret
    : null;

import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Issue, keysOf } from '../core/schema-faults.js';

/** Replaced at each attempt by the text in the file `SECRETS_DIR/<name>`. See API.md#secrets. */
export interface SecretReference {
  /** The name of the file: 1-128 of `A-Z a-z 0-9 . _ -`; the first is a letter, a digit or `_`. */
  $secret: string;
}

/** An input in which a reference to a secret may replace any value. */
export type WithSecrets<T> = T extends object ? { [K in keyof T]: WithSecrets<T[K]> | SecretReference } : T;

type Path = readonly PropertyKey[];

/** Neither a path out of SECRETS_DIR nor one of the hidden files that Kubernetes keeps there. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

export const referenceHelp =
  'A reference is { "$secret": "name" } and nothing else; a name is 1-128 of A-Z a-z 0-9 . _ -, the first a letter, a digit or _';

interface FoundReference {
  /** Where it is in the input. */
  path: Path;
  /** Null: the object has `$secret`, but is not a valid reference. */
  name: string | null;
}

/** The objects with `$secret` below `input`. `input` itself is never a reference. */
export function referencesIn(input: unknown, path: Path = []): FoundReference[] {
  if (typeof input !== 'object' || input === null) return [];
  if (path.length > 0 && isReference(input)) return [{ path, name: validName(input) }];
  return Object.entries(input).flatMap(([key, value]) =>
    referencesIn(value, [...path, Array.isArray(input) ? Number(key) : key]),
  );
}

/** The input with each valid reference replaced by `secretOf(name)`. */
export function replaceReferences(input: unknown, secretOf: (name: string) => string): unknown {
  if (Array.isArray(input)) return input.map((item) => replaced(item, secretOf));
  if (typeof input !== 'object' || input === null) return input;
  return Object.fromEntries(Object.entries(input).map(([key, item]) => [key, replaced(item, secretOf)]));
}

/** The issues whose place is neither at nor below a reference: the value that replaces the reference is not known yet. Of a
 *  union, an issue is left out when all issues of one of its branches are. */
export function issuesOutsideReferences<T extends StandardSchemaV1.Issue>(
  issues: readonly T[],
  references: readonly FoundReference[],
): T[] {
  const isAtReference = (issue: Issue, base: Path): boolean => {
    const path = [...base, ...keysOf(issue)];
    if (references.some((reference) => reference.path.every((key, index) => String(key) === String(path[index]))))
      return true;
    const branches = issue.errors ?? [];
    return branches.some((inner) => inner.length > 0 && inner.every((innerIssue) => isAtReference(innerIssue, path)));
  };
  return issues.filter((issue) => !isAtReference(issue, []));
}

function replaced(value: unknown, secretOf: (name: string) => string): unknown {
  const name = isReference(value) ? validName(value) : null;
  return name === null ? replaceReferences(value, secretOf) : secretOf(name);
}

const isReference = (value: unknown): value is SecretReference =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, '$secret');

const validName = (value: SecretReference): string | null =>
  typeof value.$secret === 'string' && NAME.test(value.$secret) && Object.keys(value).length === 1
    ? value.$secret
    : null;

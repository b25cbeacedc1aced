import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Fault } from './problem.js';
import { jsonPointer } from './json-pointer.js';

type Path = readonly PropertyKey[];

/** An issue with the details that zod adds to the standard. Other libraries leave them out. */
export interface Issue extends StandardSchemaV1.Issue {
  code?: string;
  keys?: readonly string[];
  expected?: string;
  errors?: readonly (readonly Issue[])[];
}

const MAX_FAULTS = 50;

/** The issues of a schema as faults. `base` is the path to the validated value. After 50 faults, the last one counts the rest. */
export function faultsOf(issues: readonly StandardSchemaV1.Issue[], base: Path = []): Fault[] {
  const faults = issues.flatMap((issue) => faultsOfIssue(issue, base));
  const rest = faults.length - MAX_FAULTS;
  return rest > 0 ? [...faults.slice(0, MAX_FAULTS), { path: '', message: `and ${rest} more` }] : faults;
}

function faultsOfIssue(issue: Issue, base: Path): Fault[] {
  const path = [...base, ...keysOf(issue)];
  if (issue.code === 'unrecognized_keys' && issue.keys) {
    // A schema of ours lists the fields that it knows; the path has the unknown one.
    const [, known = ''] = /^Unknown field [^;]*(; known fields: .*)$/s.exec(issue.message) ?? [];
    return issue.keys.map((key) => ({ path: jsonPointer([...path, key]), message: `Unknown field${known}` }));
  }
  const nearest = nearestBranch(issue.errors ?? []);
  if (nearest) return nearest.flatMap((inner) => faultsOfIssue(inner, path));
  return [{ path: jsonPointer(path), message: alternatives(issue) ?? issue.message }];
}

export const keysOf = ({ path = [] }: Issue): PropertyKey[] =>
  path.map((segment) => (typeof segment === 'object' ? segment.key : segment));

/** The branch of a union that the value was meant for: its type matches, and the fewest parts inside do not. */
const nearestBranch = (branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined =>
  branches
    .filter((issues) => issues.every((issue) => keysOf(issue).length > 0))
    .toSorted((a, b) => a.length - b.length)[0];

/** A message with all types that a union accepts. Undefined unless every branch rejects the type of the value. */
function alternatives({ errors = [] }: Issue): string | undefined {
  const expected = errors.map(([first]) => first?.expected);
  if (expected.length === 0 || expected.includes(undefined)) return undefined;
  return `Invalid input: expected ${[...new Set(expected)].join(' or ')}`;
}

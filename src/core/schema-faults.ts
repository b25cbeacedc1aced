import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Fault } from './problem.js';
import { jsonPointer } from './json-pointer.js';

type Path = readonly PropertyKey[];

/** What zod tells beyond the standard; other libraries leave it out. */
export interface Issue extends StandardSchemaV1.Issue {
  code?: string;
  keys?: readonly string[];
  expected?: string;
  errors?: readonly (readonly Issue[])[];
}

const MAX_FAULTS = 50;

/** A schema's issues, each with the pointer of what is wrong; `base` is where the value lies. At most 50, then a count. */
export function faultsOf(issues: readonly StandardSchemaV1.Issue[], base: Path = []): Fault[] {
  const faults = issues.flatMap((issue) => faultsOfIssue(issue, base));
  const rest = faults.length - MAX_FAULTS;
  return rest > 0 ? [...faults.slice(0, MAX_FAULTS), { path: '', message: `and ${rest} more` }] : faults;
}

function faultsOfIssue(issue: Issue, base: Path): Fault[] {
  const path = [...base, ...keysOf(issue)];
  if (issue.code === 'unrecognized_keys' && issue.keys) {
    return issue.keys.map((key) => ({ path: jsonPointer([...path, key]), message: 'Unknown field' }));
  }
  const nearest = nearestBranch(issue.errors ?? []);
  if (nearest) return nearest.flatMap((inner) => faultsOfIssue(inner, path));
  return [{ path: jsonPointer(path), message: alternatives(issue) ?? issue.message }];
}

export const keysOf = ({ path = [] }: Issue): PropertyKey[] =>
  path.map((segment) => (typeof segment === 'object' ? segment.key : segment));

/** The branch of a union that was meant: its own type fits and something inside does not. */
const nearestBranch = (branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined =>
  branches
    .filter((issues) => issues.every((issue) => keysOf(issue).length > 0))
    .toSorted((a, b) => a.length - b.length)[0];

/** Names the types a union takes, where every branch refuses the type itself. */
function alternatives({ errors = [] }: Issue): string | undefined {
  const expected = errors.map(([first]) => first?.expected);
  if (expected.length === 0 || expected.includes(undefined)) return undefined;
  return `Invalid input: expected ${[...new Set(expected)].join(' or ')}`;
}

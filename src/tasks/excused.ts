import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Issue, keysOf } from '../core/schema-faults.js';

type Path = readonly PropertyKey[];

/** Whether an issue lies at or below one of these places, whose values are not known yet; of a union, whether one of its
 *  branches has no other issues. */
export function isExcused(issue: StandardSchemaV1.Issue, places: readonly Path[], base: Path = []): boolean {
  const path = [...base, ...keysOf(issue)];
  if (places.some((place) => place.every((key, index) => String(key) === String(path[index])))) return true;
  const branches = (issue as Issue).errors ?? [];
  return branches.some((inner) => inner.length > 0 && inner.every((innerIssue) => isExcused(innerIssue, places, path)));
}

import type { Row } from './facts.js';

const MAX_EXAMPLES = 5;

/** The violations that the rules have found. */
export class Violations {
  /** Occurrences with two dispositions, or with a start that nothing allowed. */
  readonly doubled = new Set<string>();
  /** Occurrences without any disposition. */
  lost = 0;
  private readonly byKind = new Map<string, string[]>();

  add(what: string, example: string): void {
    this.byKind.set(what, [...(this.byKind.get(what) ?? []), example]);
  }

  addDoubled(what: string, { job, at }: Pick<Row, 'job' | 'at'>, example: string): void {
    this.doubled.add(`${job} ${at}`);
    this.add(what, example);
  }

  /** One sentence for each kind of violation. Empty: every promise was kept. */
  get sentences(): string[] {
    return [...this.byKind].map(
      ([what, examples]) =>
        `${examples.length} × ${what}: ${examples.slice(0, MAX_EXAMPLES).join('; ')}${examples.length > MAX_EXAMPLES ? '; …' : ''}`,
    );
  }
}

export const occurrence = (job: string, at: number) => `${job} at ${new Date(at).toISOString()}`;

export const nameOf = (row: Row) =>
  `${occurrence(row.job, row.at)} (run ${row.id}, ${row.state} ${row.reason ?? ''}, attempt ${row.attempt})`;

export function grouped<T, K>(items: T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

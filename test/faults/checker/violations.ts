import type { Row } from './facts.js';

const MOST_EXAMPLES = 5;

/** The violations that the rules have found. */
export class Violations {
  /** Occurrences with two dispositions, or with a start that nothing allowed. */
  readonly doubled = new Set<string>();
  /** Occurrences without any disposition. */
  lost = 0;
  private readonly said = new Map<string, string[]>();

  say(what: string, which: string): void {
    this.said.set(what, [...(this.said.get(what) ?? []), which]);
  }

  sayDoubled(what: string, { job, at }: Pick<Row, 'job' | 'at'>, which: string): void {
    this.doubled.add(`${job} ${at}`);
    this.say(what, which);
  }

  /** One sentence for each kind of violation. Empty: every promise was kept. */
  get sentences(): string[] {
    return [...this.said].map(
      ([what, which]) =>
        `${which.length} × ${what}: ${which.slice(0, MOST_EXAMPLES).join('; ')}${which.length > MOST_EXAMPLES ? '; …' : ''}`,
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

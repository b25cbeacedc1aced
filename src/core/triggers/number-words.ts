/** "1 hour" or "2 hours". */
export const amountOf = (amount: number, unit: string): string => `${amount} ${unit}${amount === 1 ? '' : 's'}`;

/** "1", "1 and 2", or "1, 2 and 3". */
export const listOf = (items: readonly (string | number)[]): string =>
  items.length < 2 ? String(items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

/** The distance between neighbours, when it is the same everywhere and there are at least `least` values. Null otherwise. */
export function stepOf(values: readonly number[], least: number): number | null {
  const step = values[1]! - values[0]!;
  const isEven = values.every((value, index) => index === 0 || step === value - values[index - 1]!);
  return values.length >= least && isEven ? step : null;
}

/** Ascending values as a list in which three or more neighbours are a range, such as "1, 5 through 9 and 12". */
export function rangesOf(values: readonly number[], name: (value: number) => string = String): string[] {
  const ranges: number[][] = [];
  for (const value of values) {
    const last = ranges.at(-1);
    if (last?.at(-1) === value - 1) last.push(value);
    else ranges.push([value]);
  }
  return ranges.flatMap((range) =>
    range.length < 3 ? range.map(name) : [`${name(range[0]!)} through ${name(range.at(-1)!)}`],
  );
}

/** Ascending values of a unit, such as "minute 5", "minutes 5 and 10", or "every 7th minute from 0 through 56". */
export function unitsOf(unit: string, values: readonly number[]): string {
  const step = stepOf(values, 4);
  if (step !== null && step > 1) return `every ${ordinal(step)} ${unit} from ${values[0]} through ${values.at(-1)}`;
  return `${unit}${values.length === 1 ? '' : 's'} ${listOf(rangesOf(values))}`;
}

function ordinal(value: number): string {
  const isTeen = value % 100 > 10 && value % 100 < 14;
  const ending = isTeen ? undefined : ['th', 'st', 'nd', 'rd'][value % 10];
  return `${value}${ending ?? 'th'}`;
}

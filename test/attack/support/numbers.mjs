/** The value below which this share of the values lies. Undefined without values. */
export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Adds up several maps of counts. */
export function addCounts(...maps) {
  const sum = {};
  for (const map of maps) for (const [name, count] of Object.entries(map)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

/** "290 × 404, 10 × closed". */
export const countsAsText = (counts) =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ') || 'none';

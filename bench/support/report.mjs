import { rounded } from './numbers.mjs';

/** A workload's results as a table: the medians of its figures, and how its key figure compares with the reference. */
export function tableOf({ title, about, key, reference }, results) {
  const figures = [...new Set(results.flatMap((result) => Object.keys(result.figures)))];
  const base = results.find(({ name }) => name === reference)?.figures[key]?.median;
  const head = ['', ...figures, ...(key ? [`${key}, ratio`] : []), 'rounds'];
  const lines = results.map(({ name, figures: measured, failed }) => [
    failed ? `${name} (failed: ${failed})` : name,
    ...figures.map((figure) => rounded(measured[figure]?.median)),
    ...(key ? [base && measured[key] ? `× ${rounded(measured[key].median / base)}` : '-'] : []),
    String(Math.max(0, ...Object.values(measured).map(({ values }) => values.length))),
  ]);
  return [`\n${title}: ${about}`, '', ...aligned([head, ...lines])].join('\n');
}

/** How each contestant was set up. */
export function settingsOf(results) {
  return ['\nsettings', '', ...new Set(results.map(({ name, settings }) => `${name}: ${settings}`))].join('\n');
}

/** The targets as a table: what was asked for, what came out, and whether that meets it. */
export const verdicts = (judged) =>
  ['\ntargets', '', ...aligned([['', 'target', 'measured', ''], ...judged.map(lineOf)])].join('\n');

const lineOf = ({ what, target, measured, met }) => [what, target, rounded(measured), met ? 'met' : 'NOT MET'];

function aligned(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}

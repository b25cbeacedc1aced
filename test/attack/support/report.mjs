/** What was sent, what came back and what it cost, as a paragraph. */
export function describe({ attack, isNew, answers, facts, measured, notChecked, faults }) {
  const lines = [`${attack.id}: ${attack.sent}`];
  if (notChecked) return [...lines, `  NOT CHECKED: ${notChecked}`, ''].join('\n');
  const { seconds, stallMs, gapMs, residentMb, idleMs, latenessMs } = measured;
  if (isNew) lines.push('  against a new service');
  lines.push(
    `  answers   ${answers}`,
    ...facts.map((fact) => `            ${fact}`),
    `  cost      ${seconds.toFixed(1)} s; resident ${mb(residentMb.first)} → ${mb(residentMb.peak)} MB; longest stall ${ms(stallMs)} ms; ` +
      `longest time without service for others ${ms(gapMs)} ms`,
    `  lateness  p99 ${ms(idleMs)} ms idle, ${ms(latenessMs)} ms during the attack`,
    `  ${verdict({ faults })}${faults.length > 0 ? `: ${faults.join('; ')}` : ''}`,
    '',
  );
  return lines.join('\n');
}

/** All attacks as a table. */
export function tableOf(results) {
  const head = ['', 's', 'peak MB', 'stall ms', 'others ms', 'p99 idle', 'p99 during', ''];
  const lines = results.map(({ attack, measured, notChecked, faults }) => {
    if (notChecked) return [attack.id, '-', '-', '-', '-', '-', '-', 'NOT CHECKED'];
    const { seconds, stallMs, gapMs, residentMb, idleMs, latenessMs } = measured;
    const numbers = [mb(residentMb.peak), ...[stallMs, gapMs, idleMs, latenessMs].map(ms)];
    return [
      attack.id,
      seconds.toFixed(1),
      ...numbers,
      `${verdict({ faults })}${faults[0] ? `: ${faults[0].slice(0, 100)}` : ''}`,
    ];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => line[column].length)));
  const last = head.length - 1;
  const cell = (text, column) => {
    if (column === last) return text;
    return column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]);
  };
  return [head, ...lines].map((line) => line.map(cell).join('  ').trimEnd()).join('\n');
}

const verdict = ({ faults }) => (faults.length > 0 ? 'NOT HELD' : 'held');
const ms = (value) => (value === undefined ? '-' : String(Math.round(value)));
const mb = (value) => (value === 0 ? '-' : String(Math.round(value)));

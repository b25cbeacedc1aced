import { stringify } from 'yaml';
import type { Checked, CheckedJob } from './check-jobs.js';

/** The jobs file. What somebody has to complete is in it as a comment, and what was lost is named at its top. */
export function jobsFileOf({ jobs, lost, remarks }: Checked, from: string): string {
  const head = [
    `Imported from ${from}; docs/importing.md says what became of what.`,
    ...remarks.map((remark) => `- ${remark}`),
  ];
  if (lost.length > 0) head.push('', 'Not imported:', ...lost.map(({ place, reason }) => `  ${place}: ${reason}`));
  const isEmpty = jobs.every(({ todo }) => todo !== undefined);
  const blocks = jobs.map(blockOf);
  return [`${comment(head)}\n`, isEmpty ? 'jobs: {}' : 'jobs:', blocks.join('\n\n')].join('\n').trimEnd() + '\n';
}

function blockOf({ place, name, definition, changes, todo }: CheckedJob): string {
  const yaml = stringify(
    { [name]: definition },
    { lineWidth: 0, aliasDuplicateObjects: false, singleQuote: true },
  ).trimEnd();
  const remarks = todo === undefined ? changes : [`to be completed: ${todo}`, ...changes];
  const text = [place, ...remarks.map((remark) => `- ${remark}`)];
  return indented(`${comment(text)}\n${todo === undefined ? yaml : comment(yaml.split('\n'))}`);
}

const comment = (lines: string[]): string => lines.map((line) => `# ${oneLine(line)}`.trimEnd()).join('\n');
const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ');

/** What was changed and what is missing, for whoever imports. */
export function reportOf({ jobs, lost, remarks }: Checked, from: string): string {
  const ready = jobs.filter(({ todo }) => todo === undefined);
  const todo = jobs.filter((job) => job.todo !== undefined);
  const changed = ready.filter(({ changes }) => changes.length > 0);
  const lines = [
    `${from}: ${ready.length} imported, ${changed.length} of them changed; ${todo.length} to be completed, \
in the file as comments; ${lost.length} not imported`,
    ...remarks.map((remark) => `  ${remark}`),
    ...section(
      'changed',
      changed.flatMap((job) => job.changes.map((change) => `${job.place}, ${job.name}: ${change}`)),
    ),
    ...section(
      'to be completed',
      todo.flatMap((job) => [job.todo, ...job.changes].map((remark) => `${job.place}, ${job.name}: ${remark}`)),
    ),
    ...section(
      'not imported',
      lost.map(({ place, reason }) => `${place}: ${reason}`),
    ),
  ];
  return lines.map((line) => `${oneLine(line)}\n`).join('');
}

const section = (title: string, lines: string[]): string[] =>
  lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];

/** A text of a foreign file must not leave its line, nor steer a terminal. */
const oneLine = (text: string): string => text.toWellFormed().replaceAll(/[\p{Cc}\p{Cn}\u2028\u2029\ufeff]/gu, ' ');

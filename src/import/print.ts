import { stringify } from 'yaml';
import type { ImportedJob, ImportResult } from './import-result.js';

/** Returns the text of the jobs file. Jobs that the user has to complete are comments in it. The comment at its top lists what was
 *  not imported. */
export function jobsFileOf({ jobs, notImported, notes }: ImportResult, from: string): string {
  const head = [
    `Imported from ${from}. docs/importing.md explains how each field was converted.`,
    ...notes.map((note) => `- ${note}`),
  ];
  if (notImported.length > 0)
    head.push('', 'Not imported:', ...notImported.map(({ place, reason }) => `  ${place}: ${reason}`));
  const isEmpty = jobs.every(({ todo }) => todo !== undefined);
  const blocks = jobs.map(blockOf);
  return [`${comment(head)}\n`, isEmpty ? 'jobs: {}' : 'jobs:', blocks.join('\n\n')].join('\n').trimEnd() + '\n';
}

function blockOf({ place, name, definition, changes, todo }: ImportedJob): string {
  const yaml = stringify(
    { [name]: definition },
    { lineWidth: 0, aliasDuplicateObjects: false, singleQuote: true },
  ).trimEnd();
  const notes = todo === undefined ? changes : [`to be completed: ${todo}`, ...changes];
  const text = [place, ...notes.map((note) => `- ${note}`)];
  return indented(`${comment(text)}\n${todo === undefined ? yaml : comment(yaml.split('\n'))}`);
}

const comment = (lines: string[]): string => lines.map((line) => `# ${oneLine(line)}`.trimEnd()).join('\n');
const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ');

/** The report for the user: what was changed, what is to be completed, and what was not imported. */
export function reportOf({ jobs, notImported, notes }: ImportResult, from: string): string {
  const ready = jobs.filter(({ todo }) => todo === undefined);
  const todo = jobs.filter((job) => job.todo !== undefined);
  const changed = ready.filter(({ changes }) => changes.length > 0);
  const lines = [
    `${from}: ${ready.length} imported, ${changed.length} of them changed; ${todo.length} to be completed, \
in the file as comments; ${notImported.length} not imported`,
    ...notes.map((note) => `  ${note}`),
    ...section(
      'changed',
      changed.flatMap((job) => job.changes.map((change) => `${job.place}, ${job.name}: ${change}`)),
    ),
    ...section(
      'to be completed',
      todo.flatMap((job) => [job.todo, ...job.changes].map((text) => `${job.place}, ${job.name}: ${text}`)),
    ),
    ...section(
      'not imported',
      notImported.map(({ place, reason }) => `${place}: ${reason}`),
    ),
  ];
  return lines.map((line) => `${oneLine(line)}\n`).join('');
}

const section = (title: string, lines: string[]): string[] =>
  lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];

/** Replaces line breaks and control characters by spaces, because text of the imported file must not end a comment or control the
 *  terminal. */
const oneLine = (text: string): string => text.toWellFormed().replaceAll(/[\p{Cc}\p{Cn}\u2028\u2029\ufeff]/gu, ' ');

import { stringify } from 'yaml';
import type { ImportedJob, ImportResult, NotImported } from './import-result.js';
import { showPlaceholders } from './secret-placeholders.js';

/** Returns the text of the jobs file. Jobs that the user has to complete, those that are disabled in the source file, and what was
 *  not imported are comments in it. */
export function jobsFileOf({ jobs, notImported, notes }: ImportResult, from: string): string {
  const head = [
    `Imported from ${from}. docs/importing.md explains how each field was converted.`,
    ...notes.map((note) => `- ${note}`),
  ];
  if (notImported.length > 0) head.push(`- not imported: ${notImported.length}, as comments at the end of this file`);
  const isEmpty = jobs.every(isComment);
  const blocks = [...jobs.map(blockOf), ...notImported.map(notImportedBlockOf)];
  return [`${comment(head)}\n`, isEmpty ? 'jobs: {}' : 'jobs:', blocks.join('\n\n')].join('\n').trimEnd() + '\n';
}

const isComment = ({ todo, disabled }: ImportedJob): boolean => todo !== undefined || disabled === true;

const DISABLED = 'disabled: it is commented out there';

function blockOf(job: ImportedJob): string {
  const { place, name, definition, changes, todo, disabled } = job;
  const yaml = yamlOf(name, definition);
  const notes = [
    ...(disabled ? [DISABLED] : []),
    ...(todo === undefined ? [] : [`to be completed: ${todo}`]),
    ...changes,
  ];
  return blockWith(place, notes, isComment(job) ? comment(yaml.split('\n')) : yaml);
}

function notImportedBlockOf({ place, reason, original, job, disabled }: NotImported): string {
  const lines = showPlaceholders(job ? yamlOf(job.name, job.definition) : (original ?? '').trimEnd()).split('\n');
  return blockWith(place, [...(disabled ? [DISABLED] : []), `not imported: ${reason}`], comment(lines));
}

const blockWith = (place: string, notes: string[], body: string): string =>
  indented([comment([place, ...notes.map((note) => `- ${note}`)]), body].join('\n'));

const yamlOf = (name: string, definition: ImportedJob['definition']): string =>
  stringify({ [name]: definition }, { lineWidth: 0, aliasDuplicateObjects: false, singleQuote: true }).trimEnd();

const comment = (lines: string[]): string => lines.map((line) => `# ${oneLine(line)}`.trimEnd()).join('\n');
const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ');

/** The report for the user: what was changed, what is to be completed, and what was not imported. */
export function reportOf({ jobs, notImported, notes }: ImportResult, from: string): string {
  const ready = jobs.filter((job) => !isComment(job));
  const disabled = jobs.filter((job) => job.disabled);
  const todo = jobs.filter((job) => job.todo !== undefined && !job.disabled);
  const changed = ready.filter(({ changes }) => changes.length > 0);
  const lines = [
    `${from}: ${ready.length} imported, ${changed.length} of them changed; ${todo.length} to be completed, \
in the file as comments; ${disabled.length > 0 ? `${disabled.length} disabled there, as comments; ` : ''}\
${notImported.length} not imported${notImported.length > 0 ? ', as comments' : ''}`,
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
      'disabled',
      disabled.map(({ place, name, todo: reason }) => `${place}, ${name}${reason === undefined ? '' : `: ${reason}`}`),
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

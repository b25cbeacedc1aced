import { basename } from 'node:path';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { requestOfCommand } from './command.js';
import {
  addJob,
  attempt,
  type ImportedJob,
  type ImportOptions,
  type ImportResult,
  missingTimeZone,
  NotImportableError,
  unreadable,
} from './import-result.js';
import { nameOfUrl, validName } from './job-names.js';

/** A line that runs a command at its times. */
interface CrontabEntry {
  /** From 1. */
  line: number;
  /** Five fields, or a name such as @daily. */
  schedule: string;
  /** As written. Includes the user when the file has that column. */
  command: string;
  /** The variables that are set above the line. */
  environment: Record<string, string>;
  /** The comment on the line above; empty when there is none. */
  comment: string;
}

interface Crontab {
  entries: CrontabEntry[];
  variables: { line: number; name: string }[];
  /** Numbers of the lines that a crontab cannot have. */
  invalidLines: number[];
}

/** cron starts every due job, even when an earlier run has not finished, and never catches up. */
const CRON_POLICIES = { misfire: { policy: 'skip' }, overlap: 'allow' } as const;

/** Imports a user's crontab, or a system crontab, which has a column of users. */
export function importCrontab(text: string, options: ImportOptions): ImportResult {
  const { entries, variables, invalidLines } = parseCrontab(text);
  if (entries.length === 0 && invalidLines[0] !== undefined)
    throw unreadable(
      `line ${invalidLines[0]} is not a line of a crontab, such as "30 2 * * * curl -fsS https://example.org/nightly"`,
    );
  const hasUsers =
    options.userColumn ?? (isSystemCrontab(options.source) || entries.some(({ command }) => /^root\s/.test(command)));
  const result: ImportResult = {
    jobs: [],
    notImported: invalidLines.map((line) => ({ place: `line ${line}`, reason: 'it is not a line of a crontab' })),
    notes: variables.flatMap(({ line, name }) => {
      const note = IGNORED_VARIABLES.get(name);
      return note === undefined ? [] : [`line ${line}: ${name} has no effect: ${note}`];
    }),
  };
  for (const entry of entries)
    addJob(result, `line ${entry.line}`, () => {
      if (!hasUsers) return jobOf(entry, options);
      const { user, command } = splitUser(entry.command);
      const job = jobOf({ ...entry, command }, options);
      return { ...job, changes: [...job.changes, `the user ${user} is dropped: the service sends the request`] };
    });
  if (!options.timeZone && entries.some(({ environment }) => !environment.CRON_TZ))
    result.notes.push(missingTimeZone('lines without CRON_TZ'));
  return result;
}

const isSystemCrontab = (source: string): boolean => /(^|\/)etc\/(crontab|cron\.d\/[^/]+)$/.test(source);

function splitUser(text: string): { user: string; command: string } {
  const [, user = text, command = ''] = /^(\S+)\s+(.*)$/.exec(text) ?? [];
  return { user, command };
}

function jobOf(entry: CrontabEntry, { timeZone }: ImportOptions): ImportedJob {
  const { line, schedule, environment, comment } = entry;
  if (schedule.toLowerCase() === '@reboot')
    throw new NotImportableError('@reboot: the service has no job that runs at its start; use the init system instead');
  const { command, stdin } = splitInput(entry.command);
  const zone = environment.CRON_TZ || timeZone;
  const definition = {
    ...(comment && { description: comment.slice(0, 4096) }),
    trigger: { type: 'cron', expression: expressionOf(schedule), ...(zone && { timeZone: zone }) },
    ...CRON_POLICIES,
  } satisfies Partial<JobDefinitionInput>;
  const place = `line ${line}`;
  const { value: request, reason } = attempt(() => requestOfCommand(command, valueFrom(environment), stdin));
  if (!request) {
    const name = validName(basename(command.split(/\s/)[0]!));
    return { place, name, definition: { task: name, ...definition }, changes: [], todo: reason };
  }
  const { changes, input, ...limits } = request;
  const name = validName(nameOfUrl(input.url as string));
  return { place, name, definition: { task: 'http', input, ...definition, ...limits }, changes };
}

const valueFrom =
  (environment: Record<string, string>) =>
  (variable: string): string => {
    if (!Object.hasOwn(environment, variable))
      throw new NotImportableError(`$${variable} is not set in the crontab; write its value`);
    return environment[variable]!;
  };

/** In cron, a day field that begins with * restricts the other day field, so both must match. The service expresses that
 *  with a + before the day of week. */
function expressionOf(schedule: string): string {
  const fields = schedule.split(/\s+/);
  if (fields.length === 1) return schedule;
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  const mustMatchBoth = (day.startsWith('*') || weekday.startsWith('*')) && day !== '*' && weekday !== '*';
  return [minute, hour, day, month, mustMatchBoth ? `+${weekday}` : weekday].join(' ');
}

const IGNORED_VARIABLES = new Map([
  ['MAILTO', 'nothing is mailed; output and errors are kept with each run'],
  ['MAILFROM', 'nothing is mailed'],
  [
    'TZ',
    'in most crons it is the time zone of the command, not of its times; if it is that of the times, use --time-zone',
  ],
  ['RANDOM_DELAY', 'set jitterSeconds in the trigger instead'],
  ['START_HOURS_RANGE', 'the service has no such limit'],
]);

const VARIABLE = /^(?:"([^"]*)"|'([^']*)'|([A-Za-z_]\w*))\s*=\s*(.*)$/;
const ENTRY = /^-?((?:@\w+)|(?:[\d*?][^\s=]*(?:\s+[\w*?,/~#-]+){4}))\s+(\S.*)$/;

function parseCrontab(text: string): Crontab {
  const crontab: Crontab = { entries: [], variables: [], invalidLines: [] };
  const environment: Record<string, string> = {};
  let comment = '';
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const trimmed = written.trim();
    if (trimmed.startsWith('#')) {
      comment = textOfComment(trimmed);
      continue;
    }
    const entry = ENTRY.exec(trimmed);
    const variable = VARIABLE.exec(trimmed);
    if (entry) {
      const [, schedule, command] = entry;
      crontab.entries.push({ line, schedule: schedule!, command: command!, environment: { ...environment }, comment });
    } else if (variable) {
      const name = (variable[1] ?? variable[2] ?? variable[3])!;
      environment[name] = variable[4]!.replace(/^(["'])(.*)\1$/, '$2');
      crontab.variables.push({ line, name });
    } else if (trimmed !== '') crontab.invalidLines.push(line);
    comment = '';
  }
  return crontab;
}

/** Empty for an entry that is commented out, and for a heading such as "# m h dom mon dow". */
function textOfComment(line: string): string {
  const text = line.replace(/^[#\s]+/, '').trim();
  return ENTRY.test(text) || /^(m\s+h\s|minute\s+hour|[-=*.|]{2})/i.test(text) ? '' : text;
}

/** The first unescaped % ends the command. What follows is its standard input, in which each further % is a line break. */
function splitInput(text: string): { command: string; stdin?: string } {
  const [command = '', ...input] = text.split(/(?<!\\)%/).map((part) => part.replaceAll(/\\%/g, '%'));
  return input.length === 0 ? { command: command.trim() } : { command: command.trim(), stdin: `${input.join('\n')}\n` };
}

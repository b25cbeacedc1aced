import { fromAws } from '../core/triggers/cron.aws.js';
import type { TriggerInput } from '../core/triggers/trigger.js';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { requestOfCommand } from './command.js';
import { distinctNames, namesOfCommand, programOfCommand } from './command-name.js';
import { type Crontab, type CrontabEntry, parseCrontab } from './crontab-lines.js';
import { detectUsers, usersOf } from './crontab-users.js';
import { withoutPasswords } from './hide-passwords.js';
import {
  addJob,
  attempt,
  type ImportedJob,
  type ImportOptions,
  type ImportResult,
  missingTimeZone,
  NotImportableError,
  secondsOfDuration,
  unreadable,
} from './import-result.js';
import { nameOfUrl, validName } from './job-names.js';

/** cron starts every due job, even when an earlier run has not finished, and never catches up. */
const CRON_POLICIES = { misfire: { policy: 'skip' }, overlap: 'allow' } as const;

/** A command without its user, and what becomes of it. */
interface Work {
  entry: CrontabEntry;
  user: string | undefined;
  /** As written, for people. */
  command: string;
  request: ReturnType<typeof requestOfCommand> | undefined;
  /** Why there is no request. */
  reason: string | undefined;
}

/** Imports a user's crontab, or a system crontab, which has a column of users. Entries that are commented out are imported as
 *  disabled. Throws IMPORT_AMBIGUOUS when it is not clear whether there is a column of users. */
export function importCrontab(text: string, options: ImportOptions): ImportResult {
  let crontab = parseCrontab(text, options.userColumn);
  const [invalid] = crontab.invalidLines;
  if (crontab.entries.length === 0 && invalid !== undefined && !isAnacron(invalid.written))
    throw unreadable(
      `line ${invalid.line} is not a line of a crontab, such as "30 2 * * * curl -fsS https://example.org/nightly"`,
    );
  const hasUsers = options.userColumn ?? detectUsers(crontab, options.source);
  if (hasUsers) crontab = parseCrontab(text, hasUsers);
  const { entries, invalidLines } = crontab;
  const users: ReadonlyMap<CrontabEntry, string> = hasUsers
    ? usersOf(crontab, options.userColumn === undefined)
    : new Map();
  const works = entries.map((entry) => workOf(entry, users.get(entry)));
  const names = distinctNames(works.map(namesOf));
  const result: ImportResult = { jobs: [], notImported: [], notes: notesOn(crontab, options) };
  for (const [index, work] of works.entries()) {
    const { line, disabled, written } = work.entry;
    const place = { place: `line ${line}`, original: withoutPasswords(written), ...(disabled && { disabled }) };
    addJob(result, place, () => jobOf(work, names[index]!, options, users.size > 0));
  }
  for (const { line, written } of invalidLines)
    result.notImported.push({
      place: `line ${line}`,
      reason: isAnacron(written)
        ? 'it is a line of an anacrontab (period in days, delay, name, command); choose times for it'
        : 'it is not a line of a crontab',
      original: withoutPasswords(written),
    });
  return result;
}

function workOf(entry: CrontabEntry, user: string | undefined): Work {
  const written = user === undefined ? entry.command : entry.command.slice(user.length).trim();
  // Options of cron itself, in OpenBSD.
  const command = written.replace(/^(?:-[nqs]+\s+)+/, '');
  const { command: line, stdin } = splitInput(command);
  const { value: request, reason } = attempt(() => requestOfCommand(line, valueFrom(entry.environment), stdin));
  return { entry, user, command, request, reason };
}

/** A line of a crontab has no name, so a job is named after its request or its command. */
function namesOf({ command, request }: Work): string[] {
  if (!request) return namesOfCommand(withoutPasswords(splitInput(command).command)).map(validName);
  const url = request.input.url as string;
  const query = URL.canParse(url) ? withoutPasswords(new URL(url).search) : '';
  return [nameOfUrl(url), `${nameOfUrl(url)}${query}`].map(validName);
}

const SENT_BY = 'the service sends the request';
const RUN_BY = 'a task runs as the user of the service';

function jobOf(work: Work, name: string, options: ImportOptions, hasUsers: boolean): ImportedJob {
  const { entry, user, command, request, reason } = work;
  const { line, fields, environment, comment, disabled } = entry;
  if (command === '') throw new NotImportableError('it has no command after the user');
  if (/^@reboot$/i.test(fields[0]!))
    throw new NotImportableError('@reboot: the service has no job that runs at its start; use the init system instead');
  const { trigger, changes: ofTrigger } = triggerOf(fields, environment.CRON_TZ || options.timeZone);
  const original = `crontab: ${withoutPasswords(command)}`;
  const definition = {
    description: `${comment}${comment && '\n'}${original}`.slice(0, 4096),
    trigger,
    ...CRON_POLICIES,
  } satisfies Partial<JobDefinitionInput>;
  const changes = [
    ...ofTrigger,
    ...(user === undefined ? [] : [`the user ${user} is dropped: ${request ? SENT_BY : RUN_BY}`]),
    ...(hasUsers && user === undefined ? ['the line names no user, although others do'] : []),
  ];
  const job = { place: `line ${line}`, name, ...(disabled && { disabled }) };
  if (!request) {
    const task = validName(programOfCommand(withoutPasswords(splitInput(command).command)));
    return { ...job, definition: { task, ...definition }, changes, todo: reason! };
  }
  const { changes: ofRequest, input, ...limits } = request;
  return {
    ...job,
    definition: { task: 'http', input, ...definition, ...limits },
    changes: [...changes, ...ofRequest],
  };
}

const valueFrom =
  (environment: Record<string, string>) =>
  (variable: string): string => {
    if (!Object.hasOwn(environment, variable))
      throw new NotImportableError(`$${variable} is not set in the crontab; write its value`);
    return environment[variable]!;
  };

function triggerOf(fields: string[], timeZone: string | undefined): { trigger: TriggerInput; changes: string[] } {
  const [special = ''] = fields;
  const every = /^@every\s+(\S+)$/i.exec(special)?.[1] ?? /^@(\d+)$/.exec(special)?.[1]?.concat('s');
  if (every !== undefined)
    return { trigger: { type: 'interval', everySeconds: secondsOfDuration(every) }, changes: [] };
  if (/^@every_second$/i.test(special)) return { trigger: { type: 'interval', everySeconds: 1 }, changes: [] };
  const { expression, changes } = expressionOf(fields);
  return { trigger: { type: 'cron', expression, ...(timeZone && { timeZone }) }, changes };
}

/** In cron, a day field that begins with * restricts the other day field, so both must match. The service expresses that
 *  with a + before the day of week. Six fields begin with seconds, unless only a year as the sixth makes sense. */
function expressionOf(fields: string[]): { expression: string; changes: string[] } {
  if (fields.length === 1) return { expression: fields[0]!.replace(/^@every_minute$/i, '* * * * *'), changes: [] };
  const random = fields.find((field) => field.includes('~'));
  if (random !== undefined)
    throw new NotImportableError(
      `"${random}" is a random value in cron; choose one, and spread the starts with jitterSeconds`,
    );
  if (fields.length === 6 && hasYear(fields)) return withYear(fields);
  if (fields.length > 5)
    return { expression: fields.join(' '), changes: fields.includes('?') ? noteOnSunday('Quartz', fields[5]!) : [] };
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  const mustMatchBoth = (day.startsWith('*') || weekday.startsWith('*')) && day !== '*' && weekday !== '*';
  return { expression: [minute, hour, day, month, mustMatchBoth ? `+${weekday}` : weekday].join(' '), changes: [] };
}

/** With a `?` for a day, six fields are those of AWS. Without one they may be those of supercronic, which counts weekdays as the
 *  service does. */
function withYear(fields: string[]): { expression: string; changes: string[] } {
  const [, , day, , weekday] = fields as [string, string, string, string, string];
  const isOfAws = day === '?' || weekday === '?';
  const expression = isOfAws ? fromAws(fields) : ['0', ...fields].join(' ');
  const converted = expression.split(' ')[5]!;
  return {
    expression,
    changes: [
      'its six fields end with a year; the seventh, for seconds, is 0',
      ...(converted === weekday.toUpperCase()
        ? noteOnSunday('AWS', weekday)
        : [`day of week ${weekday} becomes ${converted}: AWS counts from 1 = Sunday`]),
    ],
  };
}

/** For a day of week with numbers, which may mean other days than here. */
const noteOnSunday = (origin: string, weekday: string): string[] =>
  /\d/.test(weekday.replaceAll(/[#/]\d+/g, ''))
    ? [`day of week ${weekday}: ${origin} counts from 1 = Sunday, the service from 0 = Sunday`]
    : [];

/** Whether the sixth of six fields is a year, as in AWS and supercronic. */
const hasYear = ([, , third, , fifth, sixth]: string[]): boolean =>
  /^(19|20)\d\d\b/.test(sixth!) || third === '?' || fifth === '?';

const isAnacron = (line: string): boolean => /^(\d+|@\w+)\s+\d+\s+[^\s=]+\s+\S/.test(line);

function notesOn({ entries, variables }: Crontab, { timeZone }: ImportOptions): string[] {
  const notes = variables.flatMap(({ line, name, value }) => {
    const note = IGNORED_VARIABLES.get(name);
    if (name === 'CRON_TZ' && value !== '') return [cronTzNote(line, value)];
    if (name === 'SHELL' && /\/(ba|da|a|k|z)?sh$/.test(value)) return [];
    return note === undefined ? [] : [`line ${line}: ${name} has no effect: ${note}`];
  });
  const seconds = entries.filter(({ fields }) => fields.length === 6 && !hasYear(fields));
  if (seconds.length > 0)
    notes.push(
      seconds.length === 1
        ? `line ${seconds[0]!.line}: it has six fields, and its first field is taken as seconds`
        : `line ${seconds[0]!.line}: ${seconds.length} lines have six fields, such as this one; their first field is taken as seconds`,
    );
  const withoutZone = entries.some(({ environment, disabled }) => !disabled && !environment.CRON_TZ);
  if (withoutZone && !timeZone) notes.push(missingTimeZone('lines without CRON_TZ'));
  if (withoutZone && timeZone && entries.some(({ environment }) => environment.CRON_TZ))
    notes.push(`lines without CRON_TZ use the time zone ${timeZone}, from --time-zone`);
  return notes;
}

const cronTzNote = (line: number, zone: string): string =>
  `line ${line}: CRON_TZ=${zone} is taken as the time zone of the lines below it, as in cronie; Debian's cron ignores it and \
uses the zone of the machine: if the file comes from Debian, remove this line and import again with --time-zone`;

const IGNORED_VARIABLES = new Map([
  ['MAILTO', 'nothing is mailed; output and errors are kept with each run'],
  ['MAILFROM', 'nothing is mailed'],
  [
    'TZ',
    'in most crons it is the time zone of the command, not of its times; if it is that of the times, use --time-zone',
  ],
  ['SHELL', 'requests are sent without a shell, and the commands are read as sh reads them'],
  ['RANDOM_DELAY', 'set jitterSeconds in the trigger instead'],
  ['START_HOURS_RANGE', 'the service has no such limit'],
]);

/** The first unescaped % ends the command. What follows is its standard input, in which each further % is a line break. */
function splitInput(text: string): { command: string; stdin?: string } {
  const [command = '', ...input] = text.split(/(?<!\\)%/).map((part) => part.replaceAll(/\\%/g, '%'));
  return input.length === 0 ? { command: command.trim() } : { command: command.trim(), stdin: `${input.join('\n')}\n` };
}

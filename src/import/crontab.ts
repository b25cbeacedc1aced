import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { basename } from 'node:path';
import { callOfLine } from './command.js';
import { commandAndInput, type CrontabEntry, crontabLines } from './crontab-lines.js';
import { type Found, type FoundJob, type ImportOptions, NotImported, orLost, withoutZone } from './found.js';
import { validName } from './job-names.js';
import { unreadable } from './parse.js';

/** Cron starts whatever is due, beside what still runs, and makes nothing up. */
const AS_CRON_DOES = { misfire: { policy: 'skip' }, overlap: 'allow' } as const;

/** The jobs of a user's crontab, or of one with a column of users. */
export function readCrontab(text: string, options: ImportOptions): Found {
  const { entries, variables, unknown } = crontabLines(text);
  if (entries.length === 0 && unknown[0])
    throw unreadable(
      `line ${unknown[0].line} is no line of a crontab; "30 2 * * * curl -fsS https://example.org/nightly" would be one`,
    );
  const hasUsers =
    options.userColumn ?? (isSystems(options.source) || entries.some(({ command }) => /^root\s/.test(command)));
  const found: Found = {
    jobs: [],
    lost: [],
    remarks: variables.map(remarkOn).filter((remark) => remark !== undefined),
  };
  for (const { line } of unknown) found.lost.push({ place: `line ${line}`, reason: 'it is no line of a crontab' });
  for (const entry of entries) {
    const [user, command] = hasUsers ? splitUser(entry.command) : [undefined, entry.command];
    const job = orLost(found, `line ${entry.line}`, () => jobOf({ ...entry, command }, options));
    if (job) found.jobs.push(job);
    if (job && user !== undefined) job.changes.push(`the user ${user} is dropped: the service sends the request`);
  }
  if (!options.timeZone && entries.some(({ environment }) => !environment.CRON_TZ))
    found.remarks.push(withoutZone('crontabs without CRON_TZ'));
  return found;
}

const isSystems = (source: string): boolean => /(^|\/)etc\/(crontab|cron\.d\/[^/]+)$/.test(source);

function splitUser(text: string): [string, string] {
  const [, user, command] = /^(\S+)\s+(.*)$/.exec(text) ?? ['', text, ''];
  return [user ?? '', command ?? ''];
}

function jobOf(entry: CrontabEntry, { timeZone }: ImportOptions): FoundJob {
  const { line, schedule, environment, comment } = entry;
  if (schedule.toLowerCase() === '@reboot')
    throw new NotImported('@reboot: nothing here runs at a start; run it from what starts the machine');
  const { command, stdin } = commandAndInput(entry.command);
  const zone = environment.CRON_TZ || timeZone;
  const definition = {
    ...(comment && { description: comment.slice(0, 4096) }),
    trigger: { type: 'cron', expression: expressionOf(schedule), ...(zone && { timeZone: zone }) },
    ...AS_CRON_DOES,
  } satisfies Partial<JobDefinitionInput>;
  const place = `line ${line}`;
  try {
    const { changes, input, ...rest } = callOfLine(command, valueFrom(environment), stdin);
    const name = validName(nameOfUrl(input.url as string));
    return { place, name, definition: { task: 'http', input, ...definition, ...rest }, changes };
  } catch (error) {
    if (!(error instanceof NotImported)) throw error;
    const name = validName(basename(command.split(/\s/)[0]!));
    return { place, name, definition: { task: name, ...definition }, changes: [], todo: error.message };
  }
}

/** A line has no name of its own: where its request goes is one. */
function nameOfUrl(url: string): string {
  if (!URL.canParse(url)) return 'curl';
  const { hostname, pathname } = new URL(url);
  return `${hostname}${pathname}`;
}

const valueFrom =
  (environment: Record<string, string>) =>
  (variable: string): string => {
    if (!Object.hasOwn(environment, variable))
      throw new NotImported(`$${variable} is not set in the crontab; write its value`);
    return environment[variable]!;
  };

/** In cron a day field that begins with a * restricts the other one, so that both must match: a + says so here. */
function expressionOf(schedule: string): string {
  const fields = schedule.split(/\s+/);
  if (fields.length === 1) return schedule;
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  const isBoth = (day.startsWith('*') || weekday.startsWith('*')) && day !== '*' && weekday !== '*';
  return [minute, hour, day, month, isBoth ? `+${weekday}` : weekday].join(' ');
}

const WITHOUT_MEANING: Record<string, string> = {
  MAILTO: 'nothing is mailed; output and errors are kept with each run',
  MAILFROM: 'nothing is mailed',
  TZ: 'to most crons it is the zone of the command and not of the times; if yours means the times, say --time-zone',
  RANDOM_DELAY: 'write jitterSeconds into the trigger for the like',
  START_HOURS_RANGE: 'it has no like here',
};

function remarkOn({ line, name }: { line: number; name: string }): string | undefined {
  const remark = WITHOUT_MEANING[name];
  return remark && `line ${line}: ${name} has no effect here: ${remark}`;
}

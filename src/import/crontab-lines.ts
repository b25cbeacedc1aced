/** A line that runs a command at its times. */
export interface CrontabEntry {
  /** From 1. */
  line: number;
  /** The fields, or a name such as @daily. `@every 90s` is one of its own. */
  fields: string[];
  /** As written. Includes the user when the file has that column. */
  command: string;
  /** The whole line, without the # of one that is commented out. */
  written: string;
  /** The variables that are set above the line. */
  environment: Record<string, string>;
  /** The comment directly above the line; empty when there is none. */
  comment: string;
  /** The line is commented out. */
  disabled: boolean;
}

export interface Crontab {
  entries: CrontabEntry[];
  variables: { line: number; name: string; value: string }[];
  /** The lines that a crontab cannot have. */
  invalidLines: { line: number; written: string }[];
  /** What a heading such as "# m h dom mon dow user command" says about the user column. Undefined without a heading. */
  headingNamesUser?: boolean | undefined;
}

const VARIABLE = /^(?:"([^"]*)"|'([^']*)'|([A-Za-z_]\w*))\s*=\s*(.*)$/;

/** With `hasUsers`, each line names a user before its command. A user may be named like a day. */
export function parseCrontab(text: string, hasUsers = false): Crontab {
  const crontab: Crontab = { entries: [], variables: [], invalidLines: [] };
  const environment: Record<string, string> = {};
  let comments: string[] = [];
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const written = whole.trim();
    const isComment = written.startsWith('#');
    if (isComment) {
      const content = written.replace(/^[#\s]+/, '');
      const namesUser = headingIn(content);
      if (namesUser !== undefined) crontab.headingNamesUser = namesUser;
      const entry = namesUser === undefined ? disabledEntryIn(content, hasUsers) : undefined;
      if (entry)
        crontab.entries.push({
          ...entry,
          line,
          environment: { ...environment },
          comment: textOf(comments),
          disabled: true,
        });
      // An empty comment line ends a paragraph, such as the header of a file.
      if (entry || content === '' || namesUser !== undefined) comments = [];
      else comments.push(content);
      continue;
    }
    const entry = entryIn(written, hasUsers);
    const variable = VARIABLE.exec(written);
    if (entry) {
      crontab.entries.push({
        ...entry,
        line,
        environment: { ...environment },
        comment: textOf(comments),
        disabled: false,
      });
    } else if (variable) {
      const name = (variable[1] ?? variable[2] ?? variable[3])!;
      const value = variable[4]!.replace(/^(["'])(.*)\1$/, '$2');
      environment[name] = value;
      crontab.variables.push({ line, name, value });
    } else if (written !== '') crontab.invalidLines.push({ line, written });
    comments = [];
  }
  return crontab;
}

type Parts = Pick<CrontabEntry, 'fields' | 'command' | 'written'>;

const MONTHS = 'jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec';
const DAYS = 'sun|mon|tue|wed|thu|fri|sat';
/** Strict: prose, a user or a program does not match. */
const FIELD = fieldWith(`${MONTHS}|${DAYS}`);
/** A day of the week or a year. */
const SIXTH_FIELD = fieldWith(DAYS);
const DAY_NAME = new RegExp(`^(?:${DAYS})$`, 'i');
const YEAR = /^(?:\*|\?|(?:19|20)\d\d)(?:[-,/]\d+)*$/;
/** Tolerant: a field that the service refuses later, with a reason. */
const LIKE_FIVE_FIELDS = /^[\d*?~][^\s=]*(?:\s+[\w*?,/~#-]+){4}\s+\S/;

function fieldWith(names: string): RegExp {
  const value = `(?:\\d{1,4}|${names})`;
  const item = `(?:\\*|\\?|LW?|${value}?~${value}?|${value}(?:-${value})?)(?:/\\d+)?(?:[LW]|#\\d)?`;
  return new RegExp(`^${item}(?:,${item})*$`, 'i');
}

function entryIn(text: string, hasUsers: boolean): Parts | undefined {
  // A - before the fields keeps the job out of the log, in some crons.
  const written = text.replace(/^-(?=[\d*@])/, '');
  const [, special, command] = /^(@every\s+\S+|@\w+)\s+(\S.*)$/i.exec(written) ?? [];
  if (special !== undefined) return { fields: [special], command: command!, written };
  if (!LIKE_FIVE_FIELDS.test(written)) return undefined;
  const words = written.split(/\s+/);
  const [sixth = '', seventh = ''] = words.slice(5, -1);
  const isUser = /^[lw]$/.test(sixth) || (hasUsers && DAY_NAME.test(sixth));
  const hasSixth = SIXTH_FIELD.test(sixth) && !isUser;
  const count = 5 + Number(hasSixth) + Number(hasSixth && YEAR.test(seventh));
  const rest = new RegExp(`^(?:\\S+\\s+){${count}}`);
  return { fields: words.slice(0, count), command: written.replace(rest, ''), written };
}

/** An entry in a comment. Its fields must be strictly right, because a sentence may begin with a number. */
function disabledEntryIn(content: string, hasUsers: boolean): Parts | undefined {
  const entry = entryIn(content, hasUsers);
  if (!entry) return undefined;
  const { fields } = entry;
  const isSpecial = /^@(reboot|yearly|annually|monthly|weekly|daily|midnight|hourly|every)\b/i.test(fields[0]!);
  return isSpecial || (fields.length >= 5 && fields.every((field) => FIELD.test(field))) ? entry : undefined;
}

/** Whether a comment that names the columns has one for users. Undefined for other comments. */
function headingIn(content: string): boolean | undefined {
  if (/files also have username fields/i.test(content)) return true;
  const [, columns] =
    /^(.*(?:\b(?:dow|[dw]ay|weekday|wday|day[-_ ]of[-_ ]week)\b\)?|[*|]).*)\bcommand/i.exec(content) ?? [];
  if (columns === undefined || !/^(m|min|minute|s|sec|second|[*|.])/i.test(content)) return undefined;
  return /\b(user(-?name)?|who)\b/i.test(columns);
}

/** The comment as one text, without drawn lines and headings of columns. */
const textOf = (comments: string[]): string =>
  comments
    .filter((text) => /[\p{L}\d]/u.test(text) && !/^([-=*.|_┌└│]{2}|[|│.┌└*]\s)/u.test(text))
    .join(' ')
    .trim();

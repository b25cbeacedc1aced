/** A line of a crontab that says when to run what. */
export interface CrontabEntry {
  /** From 1. */
  line: number;
  /** Five fields, or a name such as @daily. */
  schedule: string;
  /** As it stands, the user before it included where the file has that column. */
  command: string;
  /** The variables that were set above it. */
  environment: Record<string, string>;
  /** The comment right above it, or empty. */
  comment: string;
}

export interface CrontabLines {
  entries: CrontabEntry[];
  variables: { line: number; name: string; value: string }[];
  /** Lines that are none of what a crontab has. */
  unknown: { line: number; text: string }[];
}

const VARIABLE = /^(?:"([^"]*)"|'([^']*)'|([A-Za-z_]\w*))\s*=\s*(.*)$/;
const ENTRY = /^-?((?:@\w+)|(?:[\d*?][^\s=]*(?:\s+[\w*?,/~#-]+){4}))\s+(\S.*)$/;

/** Sorts the lines of a crontab; each entry has what was said above it. */
export function crontabLines(text: string): CrontabLines {
  const lines: CrontabLines = { entries: [], variables: [], unknown: [] };
  const environment: Record<string, string> = {};
  let comment = '';
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const trimmed = written.trim();
    const entry = ENTRY.exec(trimmed);
    const variable = VARIABLE.exec(trimmed);
    if (trimmed.startsWith('#')) comment = commentOf(trimmed);
    else {
      if (entry) {
        const [, schedule, command] = entry;
        lines.entries.push({ line, schedule: schedule!, command: command!, environment: { ...environment }, comment });
      } else if (variable) {
        const name = (variable[1] ?? variable[2] ?? variable[3])!;
        const value = variable[4]!.replace(/^(["'])(.*)\1$/, '$2');
        environment[name] = value;
        lines.variables.push({ line, name, value });
      } else if (trimmed !== '') lines.unknown.push({ line, text: trimmed });
      comment = '';
    }
  }
  return lines;
}

/** The words of a comment; none for an entry that was switched off, or a ruler such as "# m h dom mon dow". */
function commentOf(line: string): string {
  const words = line.replace(/^[#\s]+/, '').trim();
  return ENTRY.test(words) || /^(m\s+h\s|minute\s+hour|[-=*.|]{2})/i.test(words) ? '' : words;
}

/** Of what stands behind the schedule, an unescaped % ends the command, and each further one is a new line of its input. */
export function commandAndInput(text: string): { command: string; stdin?: string } {
  const [command = '', ...input] = text.split(/(?<!\\)%/).map((part) => part.replaceAll(/\\%/g, '%'));
  return input.length === 0 ? { command: command.trim() } : { command: command.trim(), stdin: `${input.join('\n')}\n` };
}

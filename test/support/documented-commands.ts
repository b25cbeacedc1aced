/** A curl command of a page. */
export interface DocumentedCommand {
  /** The nearest `##` above it. */
  heading: string;
  command: string;
  /** The status that the page has behind the command or above the response; null: any success. */
  status: number | null;
  /** The JSON response that follows, if it is complete. */
  answer: object | null;
}

const BLOCK = /^## (?<heading>.*)$|^```(?<language>\w+)\n(?<text>[\s\S]*?)^```$/gm;

/** The curl commands in the `sh` blocks of a page, in order. Commands of other programs are left out. */
export function documentedCommands(page: string): DocumentedCommand[] {
  const found: DocumentedCommand[] = [];
  let heading = '';
  let last: DocumentedCommand | undefined;
  for (const { groups = {} } of page.matchAll(BLOCK)) {
    const { language, text = '' } = groups;
    if (groups['heading'] !== undefined) heading = groups['heading'];
    else if (language === 'sh') {
      const commands = commandsOf(text).map((command) => ({
        heading,
        command,
        status: statusOf(command),
        answer: null,
      }));
      found.push(...commands);
      last = commands.at(-1);
    } else if (last) {
      if (language === 'jsonc') last.status ??= Number(/^\/\/ ([1-5]\d\d)/.exec(text)?.[1] ?? Number.NaN) || null;
      if (language === 'json') last.answer = JSON.parse(text) as object;
      last = undefined;
    }
  }
  return found;
}

/** A command continues after a backslash and inside of quotes. */
function commandsOf(text: string): string[] {
  const commands: string[] = [];
  let open = '';
  for (const line of text.split('\n')) {
    open += `${line}\n`;
    if (line.endsWith('\\') || open.split("'").length % 2 === 0) continue;
    if (/^(\w+=\$\()?curl /.test(open)) commands.push(open.trim());
    open = '';
  }
  return commands;
}

const statusOf = (command: string): number | null => Number(/ # ([1-5]\d\d)\b/.exec(command)?.[1] ?? 0) || null;

/** A call of curl that a page shows. */
export interface DocumentedCommand {
  /** The nearest `##` above it. */
  heading: string;
  command: string;
  /** As the page shows it behind the command or over its answer; null: any success. */
  status: number | null;
  /** The JSON that follows it, where that is whole. */
  answer: object | null;
}

const BLOCK = /^## (?<heading>.*)$|^```(?<language>\w+)\n(?<text>[\s\S]*?)^```$/gm;

/** What a page has in blocks of `sh` that calls curl, in its order. Commands of other programs are left out. */
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

/** A command goes on after a backslash and inside quotes. */
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

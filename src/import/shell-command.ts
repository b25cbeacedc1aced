import { NotImportableError } from './import-result.js';

export interface ShellCommand {
  words: string[];
  /** The files that its output is redirected to, without /dev/null. */
  outputs: string[];
}

const PIECE = new RegExp(
  [
    String.raw`(?<joined>\\\n)|\\(?<escaped>[^])|'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\[^])*)"`,
    String.raw`\$(?:(?<name>[A-Za-z_]\w*)|\{(?<braced>[A-Za-z_]\w*)\})`,
    String.raw`(?<space>[ \t]+)|(?<redirect>(?:\d?|&)(?:>>|>\||>&|>))|(?<hash>#)`,
    String.raw`(?<plain>[^\s\\'"$` + '`' + String.raw`|&;()<>#]+)`,
  ].join('|'),
  'y',
);

/** Parses one simple command as a shell would: quotes, variables, redirections, and a comment or an & at the end. Throws a
 *  NotImportableError for everything that needs a real shell. */
export function parseShellCommand(text: string, valueOf: (variable: string) => string): ShellCommand {
  const line = text.trim().replace(/(?<![&\\])[;&]$/, '');
  const words: string[] = [];
  const outputs: string[] = [];
  let word: string | undefined;
  let redirected = false;
  const endWord = () => {
    if (word !== undefined) (redirected ? outputs : words).push(word);
    if (word !== undefined) redirected = false;
    word = undefined;
  };
  for (let at = 0; at < line.length; at = PIECE.lastIndex) {
    PIECE.lastIndex = at;
    const piece = PIECE.exec(line)?.groups ?? refuse(line.slice(at));
    const variable = piece.name ?? piece.braced;
    if (piece.space !== undefined) endWord();
    else if (piece.redirect !== undefined) {
      endWord();
      redirected = true;
    } else if (piece.hash !== undefined && word === undefined) break;
    else if (piece.joined === undefined) {
      const value = variable === undefined ? undefined : valueOf(variable);
      if (value !== undefined && /\s/.test(value))
        throw new NotImportableError(`the value of $${variable} has spaces; write "$${variable}" in quotes`);
      const quoted = piece.double === undefined ? undefined : inDoubleQuotes(piece.double, valueOf);
      word = (word ?? '') + (value ?? quoted ?? piece.escaped ?? piece.single ?? piece.plain ?? '#');
    }
  }
  endWord();
  return { words, outputs: outputs.filter((file) => !/^(\d|\/dev\/(null|stdout|stderr))$/.test(file)) };
}

const inDoubleQuotes = (text: string, valueOf: (variable: string) => string): string =>
  text.replace(
    /\\([$`"\\])|\\\n|\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})|[`]|\$/g,
    (all, escaped: string | undefined, name: string | undefined, braced: string | undefined) => {
      const variable = name ?? braced;
      if (escaped !== undefined) return escaped;
      if (variable !== undefined) return valueOf(variable);
      return all === '\\\n' ? '' : refuse(all === '$' ? '$(' : all);
    },
  );

const NEEDS_SHELL: Record<string, string> = {
  '|': 'a pipe or a second command',
  '&': 'an & outside quotes, or a second command',
  ';': 'a second command',
  '\n': 'a second command',
  '(': 'a subshell',
  '<': 'input from a file',
  '`': 'the output of another command',
  $: 'the output of another command, or an expression',
  "'": 'a quote that is not closed',
  '"': 'a quote that is not closed',
};

function refuse(rest: string): never {
  throw new NotImportableError(`it needs a shell (${NEEDS_SHELL[rest[0]!] ?? `"${rest[0]}"`})`);
}

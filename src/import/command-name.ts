import { basename } from 'node:path';
import { nameOfUrl } from './job-names.js';

/** Names for what a shell command runs, from the shortest to the longest: its program or script with the first argument that
 *  says something, then with more arguments. The list is not empty. Nothing is refused: text that is not understood is a
 *  word. */
export function namesOfCommand(command: string): string[] {
  const { name, words } = mainCommandOf(command);
  if (name !== undefined) return [name];
  const [program = 'job', ...args] = words;
  const telling = args.flatMap(partOfName);
  const first = [program, ...telling.slice(0, 1)].join('-');
  const longer = telling.slice(1, 4).map((_argument, index) => [program, ...telling.slice(0, index + 2)].join('-'));
  return [...new Set([first, ...longer, [program, ...args.map(shortened)].join('-')])];
}

/** The program or script that a shell command runs, without its path, or the name that the command gives itself. */
export function programOfCommand(command: string): string {
  const { name, words } = mainCommandOf(command);
  return name ?? words[0] ?? 'job';
}

/** Chooses for each item the shortest of its names that no other item has. Items may keep equal names if they have no more. */
export function distinctNames(items: readonly string[][]): string[] {
  const chosen = items.map(() => 0);
  const nameOf = (index: number) => items[index]![chosen[index]!]!;
  for (;;) {
    const groups = Object.values(
      Object.groupBy(
        items.map((_names, index) => index),
        nameOf,
      ),
    );
    const ambiguous = groups.flatMap((group) => (group!.length > 1 ? group! : []));
    const extensible = ambiguous.filter((index) => chosen[index]! + 1 < items[index]!.length);
    if (extensible.length === 0) return items.map((_names, index) => nameOf(index));
    for (const index of extensible) chosen[index]! += 1;
  }
}

interface MainCommand {
  /** The program or script without its path, and its arguments. */
  words: string[];
  /** The name that the command gives itself: `ID=name` of dcron and fcron. */
  name?: string | undefined;
}

/** The command for which the line is there: without guards such as `test -x …`, without `cd`, and without programs that only
 *  start another one, such as `nice`. */
function mainCommandOf(text: string): MainCommand {
  const commands = simpleCommandsIn(text).map(withoutKeywords).filter(hasWords).map(withoutWrappers);
  const named = commands.find(({ name }) => name !== undefined);
  return named ?? commands.find(({ words: [program = ''] }) => !GUARDS.has(program)) ?? commands[0] ?? { words: [] };
}

const TOKEN =
  /(?:"(?:[^"\\]|\\.)*"|'[^']*'|`[^`]*`|\$\{[^}]*\}|\$\([^()]*\)|\\.|[^\s"'`\\;|&(){}<>])+|\d?[;|&(){}<>]+|["'`\\]/g;

/** The words of each simple command in a line, without quotes and redirections. */
function simpleCommandsIn(text: string): string[][] {
  const commands: string[][] = [[]];
  let isTarget = false;
  for (const [token] of text.matchAll(TOKEN)) {
    if (/^\d?[;|&(){}<>]+$/.test(token)) {
      isTarget = /[<>]/.test(token);
      if (isTarget && /^\d$/.test(commands.at(-1)!.at(-1) ?? '')) commands.at(-1)!.pop();
      if (!isTarget) commands.push([]);
    } else if (isTarget) isTarget = false;
    else commands.at(-1)!.push(token.replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, '$1$2'));
  }
  return commands.filter(hasWords);
}

const hasWords = (words: string[]): boolean => words.length > 0;

const KEYWORDS = new Set('if then elif else fi while until do done esac !'.split(' '));

/** Without the words of the shell before a command, as in `then php x.php`. */
function withoutKeywords(words: string[]): string[] {
  const first = words.findIndex((word) => !KEYWORDS.has(word));
  return first < 0 ? [] : words.slice(first);
}

/** Commands that prepare the one that matters, or check whether to run it, and the heads of loops. */
const GUARDS = new Set(
  `[ [[ test cd pushd . source export set umask sleep true false command which mkdir rm touch date : sync pgrep pidof read
   for case select`.split(/\s+/),
);

interface Wrapper {
  /** The options that take a value. */
  options?: string;
  /** How many arguments stand before the program. */
  skip?: number;
  /** `-c` is followed by the text of a command. */
  text?: boolean;
}

/** Programs that start the program in their arguments. */
const WRAPPERS: Record<string, Wrapper> = {
  sudo: { options: 'ughpCrtUD' },
  doas: { options: 'uC' },
  nice: { options: 'n' },
  ionice: { options: 'cnp' },
  chrt: { options: 'TPD', skip: 1 },
  timeout: { options: 'ks', skip: 1 },
  flock: { options: 'wE', skip: 1, text: true },
  lockrun: {},
  setlock: { skip: 1 },
  env: { options: 'uCS' },
  nohup: {},
  time: { options: 'fo' },
  exec: {},
  setsid: {},
  stdbuf: { options: 'ioe' },
  'systemd-cat': { options: 'tp' },
  'dbus-run-session': {},
  'xvfb-run': { options: 'asnef' },
  chpst: { options: 'ueoPbm' },
  runitor: {},
  chronic: {},
  cronic: {},
  solo: {},
  npx: { options: 'p' },
  runuser: { options: 'ug', text: true },
  script: { options: 'EIBOTmo', text: true },
  sshpass: { options: 'pfdP' },
  sg: { skip: 1, text: true },
};

const SHELLS = /^(ba|da|a|k|z)?sh$/;
const INTERPRETERS = /^(php|python|pypy|perl|ruby|node|java|Rscript|lua|tclsh|bun|deno|tsx)[\d.]*$/;

function withoutWrappers(words: string[]): MainCommand {
  let rest = words;
  for (;;) {
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(rest[0] ?? '');
    const program = basename(rest[0] ?? '');
    const wrapper = Object.hasOwn(WRAPPERS, program) ? WRAPPERS[program]! : undefined;
    if (assignment?.[1] === 'ID' && assignment[2]) return { words: [], name: assignment[2] };
    if (assignment) rest = rest.slice(1);
    else if (wrapper && rest.length > 1) {
      rest = startedBy(wrapper, rest.slice(1));
      if (wrapper.text && TEXT_OPTION.test(rest[0] ?? '') && rest[1] !== undefined) return mainCommandOf(rest[1]);
    } else if (program === 'bundle' && rest[1] === 'exec') rest = rest.slice(2);
    else if (/^(poetry|pipenv|uv)$/.test(program) && rest[1] === 'run') rest = rest.slice(2);
    else if (/^docker(-compose)?$|^podman$|^kubectl$/.test(program) && programInContainer(rest).length > 0)
      rest = programInContainer(rest);
    else break;
  }
  const program = basename(rest[0] ?? '');
  const script = rest.findIndex((_word, index) => index > 0 && /^-[a-z]*c$/.test(rest[index - 1]!));
  if ((SHELLS.test(program) || program === 'su') && script > 0) return mainCommandOf(rest[script]!);
  if (INTERPRETERS.test(program) || SHELLS.test(program)) {
    const at = rest.findIndex((word, index) => index > 0 && isScript(word, rest[index - 1]!));
    if (at > 0) return { words: [basename(rest[at]!), ...rest.slice(at + 1)] };
  }
  return { words: [program, ...rest.slice(1)] };
}

/** The first argument that is no option, and that is not the value of one: a path, a file, or the module of `python -m`. */
const isScript = (word: string, before: string): boolean =>
  !word.startsWith('-') && (!before.startsWith('-') || before === '-m' || /[/.]/.test(word)) && !/[:=]/.test(word);

const TEXT_OPTION = /^-[a-z]*c$|^--command$/;

/** The program and its arguments, or the option with the text of a command. */
function startedBy({ options, skip = 0, text }: Wrapper, args: string[]): string[] {
  const rest = withoutOptions(args, options, text);
  return text && TEXT_OPTION.test(rest[0] ?? '') ? rest : rest.slice(skip);
}

/** Long options of wrappers and containers that take a value. */
const LONG_WITH_VALUE =
  /^--(user|group|host|prompt|chdir|chroot|adjustment|class|classdata|signal|kill-after|wait|timeout|unset|env|env-file|workdir|name|network)$/;

/** The words after the options. Of several letters behind one -, the last may take a value. */
function withoutOptions(words: string[], withValue = '', hasText = false): string[] {
  const [first = '', ...rest] = words;
  if (!first.startsWith('-') || first.length === 1 || (hasText && TEXT_OPTION.test(first))) return words;
  if (first === '--') return rest;
  const letters = first.slice(1);
  const taking = letters.search(new RegExp(`[${withValue}]`));
  const takesValue = first.startsWith('--')
    ? LONG_WITH_VALUE.test(first)
    : taking >= 0 && taking === letters.length - 1;
  return withoutOptions(takesValue ? rest.slice(1) : rest, withValue, hasText);
}

/** What `docker exec CONTAINER`, `docker compose run SERVICE` and the like start. */
function programInContainer(words: string[]): string[] {
  const at = words.findIndex((word) => word === 'exec' || word === 'run');
  if (at < 0) return [];
  return withoutOptions(words.slice(at + 1), 'euwnpvcf')
    .slice(1)
    .filter((word) => word !== '--');
}

const LONGEST_PART = 40;

/** The part that an argument adds to a name: the last part of a path, the host and path of a URL. An option, and an argument
 *  that is only known when it runs, adds none. */
function partOfName(argument: string): string[] {
  if (argument.startsWith('-') || /[$`*]/.test(argument)) return [];
  const part = /^https?:\/\//.test(argument) ? nameOfUrl(argument) : basename(argument);
  return /[\p{L}\d]/u.test(part) ? [shortened(part)] : [];
}

const shortened = (text: string): string => text.slice(0, LONGEST_PART);

import { NotImportableError } from './import-result.js';
import { parseShellCommand } from './shell-command.js';

const VALUES: Record<string, string> = { HOST: 'https://example.org', SPACED: 'a b' };
const valueOf = (name: string) => {
  if (VALUES[name] === undefined) throw new NotImportableError(`$${name} is not set`);
  return VALUES[name];
};
const read = (text: string) => parseShellCommand(text, valueOf);

it.each<[string, string, string[]]>([
  ['words', 'curl  -s\turl', ['curl', '-s', 'url']],
  ['single quotes, which keep everything', String.raw`a '$HOST \ "b"'`, ['a', String.raw`$HOST \ "b"`]],
  [
    'double quotes, which expand variables',
    String.raw`"$HOST/\"x\" \$y \d"`,
    [String.raw`https://example.org/"x" $y \d`],
  ],
  ['quotes within a word, and empty ones', `a"b"'c' ''`, ['abc', '']],
  ['a backslash', String.raw`a\ b\&c`, ['a b&c']],
  ['a continued line', 'curl \\\n  -s "a\\\nb"\n', ['curl', '-s', 'ab']],
  ['variables', '${HOST}/a$HOST "$SPACED"', ['https://example.org/ahttps://example.org', 'a b']],
  ['a comment, and a # within a word', 'a b#c # d | e', ['a', 'b#c']],
  ['a last semicolon', 'a b;', ['a', 'b']],
])('reads %s', (_what, text, words) => {
  expect(read(text).words).toEqual(words);
});

it.each<[string, string[]]>([
  ['a > /dev/null 2>&1', []],
  ['a >/dev/null 2>/dev/null', []],
  ['a >> /var/log/a.log 2>&1 b', ['/var/log/a.log']],
  ['a &> "b c"', ['b c']],
])('separates redirections from the words: %s', (text, outputs) => {
  expect(read(text)).toEqual({ words: text.endsWith(' b') ? ['a', 'b'] : ['a'], outputs });
});

it.each([
  ['a | b', 'a pipe'],
  ['a && b', 'second command'],
  ['a ; b', 'second command'],
  ['a\nb', 'second command'],
  ['curl http://x/?a=1&b=2', 'an & outside quotes'],
  ['a $(date)', 'output of another command'],
  ['a "$(date)"', 'output of another command'],
  ['a "`date`"', 'output of another command'],
  ['a ${B:-c}', 'expression'],
  ['a < b', 'input from a file'],
  ['(a)', 'subshell'],
  ["a 'b", 'quote that is not closed'],
  ['a "b', 'quote that is not closed'],
  ['a $SPACED', 'in quotes'],
  ['a $UNKNOWN', 'not set'],
])('refuses what needs a shell: %s', (text, reason) => {
  expect(() => read(text)).toThrow(NotImportableError);
  expect(() => read(text)).toThrow(reason);
});

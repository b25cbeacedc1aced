import { z } from 'zod';
import { placeholderHelp } from './placeholders.js';
import { copyHelp, transactionHelp } from './sql-errors.js';

export const sqlInput = z.strictObject({
  statement: z
    .string()
    .min(1)
    .max(100_000)
    .superRefine((statement, context) => {
      const keyword = transactionKeyword(statement);
      if (keyword) context.addIssue({ code: 'custom', message: `${keyword} is refused; ${transactionHelp}` });
      if (isCopy(statement)) context.addIssue({ code: 'custom', message: copyHelp });
    })
    .describe('One statement without transaction control, and not COPY. Its values are $1, $2, …')
    .meta({ examples: ['DELETE FROM carts WHERE updated_at < now() - $1::interval AND country = $2'] }),
  values: z
    .array(z.unknown())
    .max(1000)
    .default([])
    .describe(
      `The values of $1, $2, …, passed as parameters and never inserted into the statement. A list or an object is passed \
as JSON text, for json and jsonb. Write a PostgreSQL array as its text, such as "{1,2}". In strings, ${placeholderHelp}.`,
    )
    .meta({ examples: [['90 days', 'DE']] }),
});

export type SqlInput = z.infer<typeof sqlInput>;

const GAP = /(?:[\s;]|--[^\r\n]*)*/y;
const WORD = /[a-z]*/iy;
/** A name, perhaps in quotes. A dot makes it a longer name, such as that of a setting of an extension. */
const NAME = /"[^"]*"|[\w.$]*/y;
const COMMENT_EDGE = /\/\*|\*\//g;

/** PREPARE is here because of PREPARE TRANSACTION. */
const TRANSACTION_CONTROL = new Set([
  'ABORT',
  'BEGIN',
  'COMMIT',
  'END',
  'PREPARE',
  'RELEASE',
  'ROLLBACK',
  'SAVEPOINT',
  'START',
]);

/** The settings of a transaction, and the defaults of the later ones. */
const TRANSACTION_SETTING = /^(default_)?transaction_(read_only|isolation|deferrable)$/;

/** The words with which a statement begins that would end or split its transaction, or change the mode of it or of later ones.
 *  Undefined for other statements. Functions and blocks can do the same, which only shows when they run. */
export function transactionKeyword(statement: string): string | undefined {
  const word = firstKeyword(statement);
  if (TRANSACTION_CONTROL.has(word)) return word;
  if (word !== 'SET' && word !== 'RESET') return undefined;
  const names = namesAfter(statement);
  // SET LOCAL SESSION CHARACTERISTICS is allowed too.
  const name = names.find((each) => each !== 'local' && each !== 'session') ?? '';
  if (name === 'transaction' || name === 'characteristics') return `${word} ${name.toUpperCase()}`;
  return TRANSACTION_SETTING.test(name) ? `${word} ${name}` : undefined;
}

/** Up to three names after the first keyword, in lower case and without quotes. */
function namesAfter(statement: string): string[] {
  let at = endOf(WORD, statement, startOfText(statement, 0));
  return [1, 2, 3].map(() => {
    const start = startOfText(statement, at);
    at = endOf(NAME, statement, start);
    return statement.slice(start, at).replaceAll('"', '').toLowerCase();
  });
}

/** PostgreSQL allows COPY from and to the client, a file or a program only as a statement of its own, not in functions. */
export const isCopy = (statement: string): boolean => firstKeyword(statement) === 'COPY';

/** The first word in upper case, after white space, comments (which nest) and empty statements. Empty when there is none. */
export function firstKeyword(statement: string): string {
  const at = startOfText(statement, 0);
  return statement.slice(at, endOf(WORD, statement, at)).toUpperCase();
}

/** Where the text begins at or after `from` that is neither white space nor a comment nor an empty statement. */
function startOfText(statement: string, from: number): number {
  let at = endOf(GAP, statement, from);
  while (statement.startsWith('/*', at)) at = endOf(GAP, statement, endOfComment(statement, at));
  return at;
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.test(text);
  return pattern.lastIndex;
}

function endOfComment(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    COMMENT_EDGE.lastIndex = at;
    const edge = COMMENT_EDGE.exec(text);
    if (!edge) return text.length;
    depth += edge[0] === '/*' ? 1 : -1;
    at = COMMENT_EDGE.lastIndex;
  } while (depth > 0);
  return at;
}

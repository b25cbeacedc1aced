const GAP = /(?:[\s;]|--[^\r\n]*)*/y;
const WORD = /[a-z]*/iy;
const COMMENT_EDGE = /\/\*|\*\//g;

const TRANSACTION_CONTROL = new Set(
  // PREPARE TRANSACTION is one; what a plain PREPARE makes is gone at the end of the run.
  ['ABORT', 'BEGIN', 'COMMIT', 'END', 'PREPARE', 'RELEASE', 'ROLLBACK', 'SAVEPOINT', 'START'],
);

/** The keyword with which the statement would end or split its transaction; undefined for all other statements. */
export function transactionKeyword(statement: string): string | undefined {
  const word = firstKeyword(statement);
  return TRANSACTION_CONTROL.has(word) ? word : undefined;
}

/** The first word after white space, comments (which nest) and empty statements, in upper case; '' where there is none. */
export function firstKeyword(statement: string): string {
  let at = endOf(GAP, statement, 0);
  while (statement.startsWith('/*', at)) at = endOf(GAP, statement, endOfComment(statement, at));
  return statement.slice(at, endOf(WORD, statement, at)).toUpperCase();
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

import { firstKeyword, sqlInput, transactionKeyword } from './sql-input.js';

describe('firstKeyword', () => {
  it.each([
    ['a word', 'select 1', 'SELECT'],
    ['white space before it', ' \t\r\n commit', 'COMMIT'],
    ['a line comment', '-- BEGIN /* \nCOMMIT', 'COMMIT'],
    ['a line comment at the end', 'COMMIT-- done', 'COMMIT'],
    ['a block comment', '/* -- */COMMIT', 'COMMIT'],
    ['comments in comments', '/* a /* b */ SELECT */ /**/ -- c\n /*/ */ COMMIT', 'COMMIT'],
    ['empty statements', ';; /* */ ; COMMIT', 'COMMIT'],
    ['a comment that is not closed', '/* COMMIT', ''],
    ['nothing', '', ''],
    ['something other than a word first', '(SELECT 1)', ''],
  ])('finds it with %s', (_case, statement, keyword) => {
    expect(firstKeyword(statement)).toBe(keyword);
  });

  it('takes time in proportion to the length of the text', () => {
    expect(firstKeyword(`${'/* '.repeat(16_000)}${'*/'.repeat(16_000)}${'; --\n'.repeat(4_000)}COMMIT`)).toBe('COMMIT');
  });
});

describe('the input of task sql', () => {
  it.each(
    ['BEGIN', 'start transaction', 'COMMIT', 'END', 'ROLLBACK TO a', 'ABORT', 'SAVEPOINT a', 'RELEASE a'].concat(
      "PREPARE TRANSACTION 'a'",
      "COMMIT PREPARED 'a'",
      '; commit',
      'SET TRANSACTION READ ONLY',
      'set local transaction isolation level serializable',
      "SET SESSION TRANSACTION SNAPSHOT '1'",
      'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
      'SET LOCAL SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
      'SET LOCAL transaction_read_only = on',
      'SET transaction_isolation TO serializable',
      'SET SESSION default_transaction_read_only = on',
      'SET default_transaction_isolation TO serializable',
      '/* a */ SET/* b */"default_transaction_read_only" -- c\n= on',
      'SET Transaction_Deferrable = on',
      'RESET default_transaction_deferrable',
    ),
  )('refuses %s', (statement) => {
    expect(transactionKeyword(statement)).toBeDefined();
    expect(sqlInput.safeParse({ statement }).error?.issues).toMatchObject([{ path: ['statement'] }]);
  });

  it.each(
    ['SELECT 1 AS commit', 'WITH a AS (SELECT 1) SELECT * FROM a', 'beginning', "CALL f('COMMIT')"].concat(
      'SET search_path = transaction',
      "SET LOCAL work_mem = '8MB'",
      'SET CONSTRAINTS ALL DEFERRED',
      'SET transaction_timeout = 1000',
      'SET SESSION AUTHORIZATION DEFAULT',
      'SET transaction.read_only = on',
      'UPDATE t SET transaction_read_only = $1',
      'RESET ALL',
      'SET',
    ),
  )('accepts %s', (statement) => {
    expect(sqlInput.parse({ statement })).toEqual({ statement, values: [] });
  });

  it.each([
    ['no statement', {}],
    ['an empty statement', { statement: '' }],
    ['a statement of more than 100,000 characters', { statement: 'x'.repeat(100_001) }],
    ['values that are not a list', { statement: 'SELECT $1', values: { a: 1 } }],
    ['an unknown field', { statement: 'SELECT 1', transaction: false }],
  ])('refuses %s', (_case, input) => {
    expect(sqlInput.safeParse(input).success).toBe(false);
  });
});

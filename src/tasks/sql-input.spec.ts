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
    ),
  )('refuses %s', (statement) => {
    expect(transactionKeyword(statement)).toBeDefined();
    expect(sqlInput.safeParse({ statement }).error?.issues).toMatchObject([{ path: ['statement'] }]);
  });

  it.each(['SELECT 1 AS commit', 'WITH a AS (SELECT 1) SELECT * FROM a', 'beginning', "CALL f('COMMIT')"])(
    'accepts %s',
    (statement) => {
      expect(sqlInput.parse({ statement })).toEqual({ statement, values: [] });
    },
  );

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

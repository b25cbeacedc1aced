import { migrationFiles, type SourceFile, sourceFiles } from '../support/sources.js';
import { type TableOwner, tableOwners } from '../support/table-owners.js';
import { type TableWrite, tableWrites } from '../support/table-writes.js';

/** The tables that are there when all migrations are applied. */
function tablesOf(migrations: SourceFile[]): string[] {
  const tables = new Set<string>();
  for (const { text } of migrations) {
    const [up = ''] = text.split(/\basync down\b/);
    for (const [, verb, names] of up.matchAll(
      /\b(CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?((?:[\w"${}.]+(?:, )?)+)/g,
    ))
      for (const name of names!.split(', ').map((one) => one.replaceAll('"', '').replace(/^.*\./, '')))
        if (verb === 'CREATE') tables.add(name);
        else tables.delete(name);
  }
  return [...tables].toSorted();
}

const isIn = (path: string, folder: string) => path.startsWith(`src/${folder}/`);

/** What is wrong with a write, in one line; null: nothing. */
function faultOf({ path, line, table, verb, columns }: TableWrite, owners: Record<string, TableOwner>): string | null {
  const place = `${path}:${line}`;
  if (table === null) return `${place}: ${verb} of a table whose name is computed; write the name of the table`;
  const { owner, updates = {} } = owners[table]!;
  if (owner !== null && isIn(path, owner)) return null;
  const [, listed] = Object.entries(updates).find(([folder]) => isIn(path, folder)) ?? [];
  if (verb === 'UPDATE' && listed && columns) {
    const others = columns.filter((column) => !listed.some((one) => patternOf(column).test(one)));
    if (others.length === 0) return null;
    return `${place}: UPDATE of ${table}.${others.join(', ')}; this folder may update only ${listed.join(', ')}`;
  }
  return `${place}: ${verb} of ${table}, which ${owner === null ? 'only a trigger' : `only src/${owner}`} writes`;
}

/** `*` is the computed part of a column's name. */
const patternOf = (column: string) => new RegExp(`^${column.replaceAll('*', '\\w*')}$`);

const faultsIn = (files: SourceFile[], owners = tableOwners) =>
  tableWrites(files, Object.keys(owners)).flatMap((write) => faultOf(write, owners) ?? []);

describe('the owners of tables', () => {
  it('name every table of the migrations, and no other', () => {
    expect(Object.keys(tableOwners).toSorted()).toEqual(tablesOf(migrationFiles()));
  });

  it('are the only folders that write them', () => {
    expect(faultsIn(sourceFiles())).toEqual([]);
  });

  it('write them: each is found to write its table', () => {
    const writes = tableWrites(sourceFiles(), Object.keys(tableOwners));
    const found = (table: string, folder: string) =>
      writes.some((write) => write.table === table && isIn(write.path, folder));
    const idle = Object.entries(tableOwners).flatMap(([table, { owner, updates = {} }]) =>
      [...(owner === null ? [] : [owner]), ...Object.keys(updates)]
        .filter((folder) => !found(table, folder))
        .map((folder) => `src/${folder} does not write ${table}`),
    );
    expect(idle).toEqual([]);
  });
});

describe('the search for writes', () => {
  const owners = {
    jobs: { owner: 'jobs/store', updates: { 'jobs/dispatch': ['next_run_at', 'code_jobs'] } },
    job_terms: { owner: null },
    replicas: { owner: 'replicas' },
  };
  const entity = { path: 'src/jobs/definition/job.entity.ts', text: `@Entity('jobs')\nexport class Job {}` };
  const faults = (text: string, folder = 'http') => faultsIn([entity, { path: `src/${folder}/x.ts`, text }], owners);

  it.each([
    ['an INSERT', 'tx.query("INSERT INTO jobs (id) VALUES ($1)")'],
    ['an INSERT in lower case', 'tx.query("insert into jobs select 1")'],
    ['an UPDATE with an alias', 'tx.query(`UPDATE jobs AS j SET name = $1`)'],
    ['an UPDATE in a schema', 'tx.query(`UPDATE "${schema}".jobs SET name = $1`)'],
    ['an UPDATE of a table in a constant', 'const jobs = `${schema}.jobs`; tx.query(`UPDATE ${jobs} SET name = $1`)'],
    ['an UPDATE behind WITH', 'tx.query(`WITH a AS (SELECT ${x}) UPDATE jobs SET name = $1`)'],
    ['a DELETE', 'tx.query(`DELETE FROM ONLY jobs`)'],
    ['a TRUNCATE', 'tx.query(`TRUNCATE jobs`)'],
    ['a MERGE', 'tx.query(`MERGE INTO jobs USING x ON true`)'],
    ['a COPY', 'tx.query(`COPY jobs (id) FROM STDIN`)'],
    ['insert of a manager', 'tx.insert(Job, rows)'],
    ['update of a manager', 'tx.update(Job, id, {})'],
    ['delete of a manager', 'await tx\n.delete(Job, id)'],
    ['save of a manager', 'tx.save(Job, row)'],
    ['insert of a query builder', 'tx.createQueryBuilder().insert().into(Job).values(rows)'],
    ['update of a query builder', 'tx.createQueryBuilder().update(Job).set({})'],
    ['delete of a query builder', 'tx.createQueryBuilder().delete().from(Job).execute()'],
    ['delete of a query builder for a table', "tx.createQueryBuilder(Job, 'job').where(x).delete()"],
    ['save of a repository', 'source.getRepository(Job).save(row)'],
    ['a repository that is injected', 'class A { constructor(private readonly jobs: Repository<Job>) {} }'],
  ])('finds %s', (_case, text) => {
    expect(faults(text)).toEqual([
      expect.stringMatching(/^src\/http\/x\.ts:\d+: \w+ of jobs, which only src\/jobs\/store writes$/),
    ]);
    expect(faults(text, 'jobs/store')).toEqual([]);
  });

  it.each([
    ['SELECT … FOR UPDATE', 'tx.query(`SELECT FROM jobs FOR UPDATE OF jobs SKIP LOCKED`)'],
    ['ON CONFLICT DO UPDATE', 'tx.query(`ON CONFLICT (id) DO UPDATE SET name = 1`)'],
    ['a comment', '// INSERT INTO jobs\n/* DELETE FROM jobs */'],
    ['another table', 'tx.query(`DELETE FROM carts`)'],
    ['a read', "tx.createQueryBuilder(Job, 'job').where(x).getMany(); tx.find(Job)"],
    ['a map', 'jobs.delete(name)'],
  ])('leaves %s alone', (_case, text) => {
    expect(faults(text)).toEqual([]);
  });

  it('says where the write is', () => {
    expect(faults('const a = 1;\nconst b = `\n  WITH x AS (${\n  y})\n  DELETE FROM jobs`;')).toEqual([
      'src/http/x.ts:5: DELETE of jobs, which only src/jobs/store writes',
    ]);
  });

  it.each([
    ['a listed column', 'UPDATE jobs SET next_run_at = coalesce(a, b) WHERE true', []],
    ['a column whose name is partly computed', 'UPDATE jobs SET ${source}_jobs = $2', []],
    [
      'another column',
      'UPDATE jobs SET next_run_at = 1, name = 2 RETURNING id',
      ['UPDATE of jobs.name; this folder may update only next_run_at, code_jobs'],
    ],
    ['a DELETE', 'DELETE FROM jobs', ['DELETE of jobs, which only src/jobs/store writes']],
  ])('holds a second writer to its columns: %s', (_case, statement, expected) => {
    expect(faults(`tx.query(\`${statement}\`)`, 'jobs/dispatch')).toEqual(
      expected.map((fault) => `src/jobs/dispatch/x.ts:1: ${fault}`),
    );
  });

  it('lets nobody write what a trigger writes, and no table whose name it cannot see', () => {
    expect(faults('tx.query(`DELETE FROM job_terms`)', 'jobs/store')).toEqual([
      'src/jobs/store/x.ts:1: DELETE of job_terms, which only a trigger writes',
    ]);
    expect(faults('tx.query(`DELETE FROM ${table}`); tx.save(row)', 'jobs/store')).toEqual([
      'src/jobs/store/x.ts:1: DELETE of a table whose name is computed; write the name of the table',
      'src/jobs/store/x.ts:1: save of a table whose name is computed; write the name of the table',
    ]);
  });

  it('knows the tables that are left after migrations', () => {
    const up =
      'async up() { CREATE TABLE a (x int); CREATE TABLE IF NOT EXISTS "b" (x int) } async down() { DROP TABLE a }';
    const later = 'async up() { DROP TABLE "${schema}".b; CREATE TABLE "${schema}".c (x int) }';
    expect(
      tablesOf([
        { path: '1', text: up },
        { path: '2', text: later },
      ]),
    ).toEqual(['a', 'c']);
  });
});

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tasks of each worker, which are deleted with the worker's row. `joined_as` is the first replica number of the process, which
 *  may get another number later. */
export class Tasks1790500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    // json and not jsonb, because clients show the fields of an input in the order in which they were declared.
    await runner.query(`
      CREATE TABLE tasks (
        replica integer NOT NULL REFERENCES replicas ON DELETE CASCADE,
        joined_as integer NOT NULL,
        name text COLLATE "C" NOT NULL,
        description text NOT NULL,
        transactional boolean NOT NULL,
        input json NOT NULL,
        PRIMARY KEY (replica, name)
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`DROP TABLE "${schema}".tasks`);
  }
}

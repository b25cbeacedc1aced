import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tasks that each worker knows, gone with its row. `joined_as` is the first number of its process: it may have got another. */
export class Tasks1790500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    // json and not jsonb: the fields of an input are shown in the order in which they were written.
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

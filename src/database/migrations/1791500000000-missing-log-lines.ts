import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Marks the entries in the log of a run that say how many lines are missing. Older processes leave it null. They limit the whole log to
 *  its first lines. */
export class MissingLogLines1791500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`ALTER TABLE "${schema}".run_logs ADD missing integer`);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`ALTER TABLE "${schema}".run_logs DROP missing`);
  }
}

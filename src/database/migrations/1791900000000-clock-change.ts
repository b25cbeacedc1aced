import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stores for each job what happens to times that a clock change skips or repeats. Replicas of the previous version do not read it,
 *  and keep to the rules of cron(8). */
export class ClockChange1791900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`ALTER TABLE jobs ADD clock_change jsonb NOT NULL DEFAULT '{"gap":null,"repeat":null}'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query('ALTER TABLE jobs DROP clock_change');
  }
}

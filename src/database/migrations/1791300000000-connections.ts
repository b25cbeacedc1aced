import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The application_name of a replica's connections, by which others see whether it still has any. Replicas of the previous version do
 *  not write it. For them it is null, and only their heartbeat counts. */
export class Connections1791300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`ALTER TABLE "${schema}".replicas ADD connections text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`ALTER TABLE "${schema}".replicas DROP connections`);
  }
}

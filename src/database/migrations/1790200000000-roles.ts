import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The roles of each replica. A replica that does not set them is an older version, which has all roles. */
export class Roles1790200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`ALTER TABLE "${schema}".replicas ADD roles text[] NOT NULL DEFAULT '{api,scheduler,worker}'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`ALTER TABLE "${schema}".replicas DROP roles`);
  }
}

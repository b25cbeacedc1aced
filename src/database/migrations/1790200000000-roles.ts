import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each replica does. One that does not say it is older, and does everything. */
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

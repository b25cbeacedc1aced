import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Held runs, cancellation, and the pause of the whole scheduler. */
export class Policies1790100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      ALTER TABLE runs
        ADD held boolean NOT NULL DEFAULT false,
        ADD cancel_requested_at timestamptz(3),
        ADD cancel_reason text;
      ALTER TABLE replicas ADD version text;
      CREATE INDEX runs_held ON runs (job_id) WHERE held;

      CREATE TABLE scheduler (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        paused boolean NOT NULL,
        resumed_at timestamptz(3)
      );
      INSERT INTO scheduler (paused) VALUES (false);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      DROP TABLE scheduler;
      ALTER TABLE replicas DROP version;
      ALTER TABLE runs DROP held, DROP cancel_requested_at, DROP cancel_reason`);
  }
}

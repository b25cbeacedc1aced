import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The keys of requests that create runs, and an index for the backfill and retry runs of an instant. */
export class IdempotencyKeys1790400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      CREATE TABLE idempotency_keys (
        key text COLLATE "C" PRIMARY KEY,
        request bytea NOT NULL,
        runs uuid[] NOT NULL,
        created_at timestamptz(3) NOT NULL
      );
      CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
      CREATE INDEX runs_made_up ON runs (job_id, scheduled_at) WHERE kind IN ('backfill', 'retry');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`DROP TABLE "${schema}".idempotency_keys`);
    await runner.query(`DROP INDEX "${schema}".runs_made_up`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A retry stores the idempotency key of the run that it repeats. Older processes leave it null: their retries then have keys of their own. */
export class KeysOfRetries1791400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`ALTER TABLE "${schema}".runs ADD idempotency_key text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`ALTER TABLE "${schema}".runs DROP idempotency_key`);
  }
}

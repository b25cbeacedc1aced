import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Invoices1790000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE invoices (number text PRIMARY KEY, email text NOT NULL, due_at timestamptz NOT NULL,
        overdue boolean NOT NULL DEFAULT false, reminded_at timestamptz)`);
    await runner.query(`
      INSERT INTO invoices (number, email, due_at)
      VALUES ('2026-001', 'ann@example.org', now() - interval '40 days'), ('2026-002', 'bob@example.org', now())`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE invoices');
  }
}

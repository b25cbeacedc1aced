import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The audit. Rows can only be inserted. A transaction that has set the retention may delete rows that are older. */
export class Audit1790350000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      CREATE TABLE audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz(3) NOT NULL,
        by text NOT NULL,
        role text,
        origin text,
        action text NOT NULL,
        target text NOT NULL,
        job text COLLATE "C",
        before jsonb,
        after jsonb
      );
      CREATE INDEX audit_newest ON audit (at DESC, id DESC);
      CREATE INDEX audit_of_target ON audit (target, at DESC, id DESC);
      CREATE INDEX audit_of_job ON audit (job, at DESC, id DESC);

      CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'DELETE' THEN
          IF OLD.at < statement_timestamp()
            - make_interval(days => nullif(current_setting('cronzimus.audit_retention_days', true), '')::integer) THEN
            RETURN OLD;
          END IF;
        END IF;
        RAISE EXCEPTION 'the audit is only added to: % is refused', TG_OP
          USING HINT = 'AUDIT_RETENTION_DAYS says how long prune-runs keeps it.';
      END $$;
      CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keep_audit();
      CREATE TRIGGER keep_all BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`DROP TABLE "${schema}".audit; DROP FUNCTION "${schema}".keep_audit()`);
  }
}

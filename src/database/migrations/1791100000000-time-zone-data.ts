import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Stores with which time zone data the next occurrence of a job was computed, and up to which local time its occurrences have rows.
 *
 * Replicas of the previous version may go on beside this. They do not write the new columns, so a trigger notices when they move a job
 * to another occurrence: it then counts as computed with unknown data. What is known about rows stays only if the occurrence that they
 * moved away from has none, since it then comes from data that they do not have.
 */
export class TimeZoneData1791100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      ALTER TABLE jobs ADD tz_version text, ADD decided_until timestamptz(3), ADD decided_offset_ms integer;
      ALTER TABLE replicas ADD tz_version text;
      CREATE FUNCTION forget_tz_version() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        BEGIN
          NEW.tz_version := NULL;
          IF NEW.trigger IS DISTINCT FROM OLD.trigger OR EXISTS (
            SELECT FROM runs WHERE job_id = OLD.id AND scheduled_at = OLD.next_occurrence_at AND kind IN ('schedule', 'catch_up'))
          THEN
            NEW.decided_until := NULL;
            NEW.decided_offset_ms := NULL;
          END IF;
          RETURN NEW;
        END $$;
      CREATE TRIGGER jobs_tz_version BEFORE UPDATE OF next_occurrence_at ON jobs FOR EACH ROW
        WHEN (COALESCE(OLD.tz_version, OLD.decided_until::text) IS NOT NULL
          AND NEW.tz_version IS NOT DISTINCT FROM OLD.tz_version
          AND NEW.decided_until IS NOT DISTINCT FROM OLD.decided_until
          AND NEW.next_occurrence_at IS DISTINCT FROM OLD.next_occurrence_at)
        EXECUTE FUNCTION forget_tz_version()
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      DROP TRIGGER jobs_tz_version ON jobs;
      DROP FUNCTION forget_tz_version;
      ALTER TABLE jobs DROP tz_version, DROP decided_until, DROP decided_offset_ms;
      ALTER TABLE replicas DROP tz_version
    `);
  }
}

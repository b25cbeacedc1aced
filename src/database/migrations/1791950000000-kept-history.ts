import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keeps the definitions that jobs have had, and their pauses. Pauses get a reason and an end.
 *
 *  Replicas of the previous version may go on for a while. They write no rows here, so `keepUnrecorded` adds what they have changed.
 *  They do not end pauses by themselves either: replicas of this version do. */
export class KeptHistory1791950000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      CREATE TABLE job_versions (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        job_id uuid NOT NULL,
        job text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        valid_from timestamptz(3) NOT NULL,
        valid_to timestamptz(3),
        first_at timestamptz(3),
        earlier_unknown boolean NOT NULL DEFAULT false,
        deleted boolean NOT NULL DEFAULT false,
        definition jsonb NOT NULL,
        tz_version text,
        by text
      );
      CREATE INDEX job_versions_of_job ON job_versions (job_id, valid_from);
      CREATE INDEX job_versions_of_name ON job_versions (job, valid_from DESC, id DESC);
      CREATE INDEX job_versions_current ON job_versions (job_id) WHERE valid_to IS NULL;
      COMMENT ON TABLE job_versions IS
        'The definitions of jobs, each with the time in which it was valid. A row applies to the nominal instants after valid_from, up to and including valid_to';
      COMMENT ON COLUMN job_versions.valid_to IS 'Null: the current definition';
      COMMENT ON COLUMN job_versions.first_at IS
        'Set if the row began because of other time zone data: the first instant that it asks for, which may be earlier than valid_from';
      COMMENT ON COLUMN job_versions.earlier_unknown IS 'True if the definition before valid_from was not recorded';
      COMMENT ON COLUMN job_versions.tz_version IS
        'The time zone data with which the instants were computed. Null: unknown, or the trigger depends on no zone';
      COMMENT ON COLUMN job_versions.by IS 'Who wrote the definition. Null: nobody, or unknown';

      CREATE TABLE job_pauses (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        job_id uuid,
        job text COLLATE "C",
        paused_at timestamptz(3) NOT NULL,
        ended_at timestamptz(3),
        until timestamptz(3),
        reason text,
        by text,
        ended_by text
      );
      CREATE INDEX job_pauses_of_job ON job_pauses (job_id, paused_at DESC);
      CREATE INDEX job_pauses_current ON job_pauses (job_id) WHERE ended_at IS NULL;
      COMMENT ON TABLE job_pauses IS 'The pauses of jobs, and of the whole scheduler, where job_id and job are null';
      COMMENT ON COLUMN job_pauses.ended_at IS 'Null: the pause goes on';

      ALTER TABLE jobs ADD paused_at timestamptz(3), ADD paused_until timestamptz(3), ADD pause_reason text;
      CREATE INDEX jobs_paused_until ON jobs (paused_until) WHERE paused_until IS NOT NULL;
      ALTER TABLE scheduler ADD paused_at timestamptz(3), ADD paused_until timestamptz(3), ADD pause_reason text;

      CREATE TABLE history_bounds (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        pruned_until timestamptz(3)
      );
      INSERT INTO history_bounds DEFAULT VALUES;
      COMMENT ON COLUMN history_bounds.pruned_until IS 'Runs that ended before this have been deleted. Null: none yet';
      CREATE INDEX runs_retry_of ON runs (retry_of) WHERE retry_of IS NOT NULL;

      INSERT INTO job_versions (job_id, job, version, valid_from, earlier_unknown, definition, tz_version)
      SELECT id, name, version, updated_at, true, ${definition}, tz_version FROM jobs;
      INSERT INTO job_pauses (job_id, job, paused_at) SELECT id, name, updated_at FROM jobs WHERE paused;
      UPDATE jobs SET paused_at = updated_at WHERE paused;
      INSERT INTO job_pauses (paused_at) SELECT statement_timestamp() FROM scheduler WHERE paused;
      UPDATE scheduler SET paused_at = statement_timestamp() WHERE paused
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      DROP INDEX runs_retry_of;
      DROP TABLE job_versions, job_pauses, history_bounds;
      ALTER TABLE scheduler DROP paused_at, DROP paused_until, DROP pause_reason;
      ALTER TABLE jobs DROP paused_at, DROP paused_until, DROP pause_reason
    `);
  }
}

/** As `auditedJob` makes it. */
const definition = `jsonb_build_object('description', description, 'task', task, 'input', input, 'trigger', trigger,
  'clockChange', clock_change,
  'paused', paused, 'priority', priority, 'tags', to_jsonb(tags), 'timeoutSeconds', timeout_seconds, 'retry', retry,
  'onInterruption', on_interruption, 'misfire', misfire, 'overlap', overlap, 'alerts', alerts, 'source', source, 'owner', owner,
  'version', version)`;

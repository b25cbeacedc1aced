import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Alerts: the definition on a job, incidents, and the messages about them.
 *
 * `runs.unread` is true until the evaluator of alerts has read the end of the run. Every row is born unread, so the statements that end
 * runs, also those of the previous version, do not have to write it. A row enters the index runs_unread when it ends in a way that an
 * alert may be about. Runs that succeed on time never do. `runs.late` is set when a run ends that started 10 s late or later.
 */
export class Alerts1791800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      ALTER TABLE jobs ADD alerts jsonb;
      ALTER TABLE runs ADD unread boolean NOT NULL DEFAULT true, ADD late boolean NOT NULL DEFAULT false;
      CREATE INDEX runs_unread ON runs (finished_at)
        WHERE unread AND finished_at IS NOT NULL AND (late OR state IN ('failed', 'timed_out', 'skipped', 'missed'));

      CREATE TABLE alerting (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        since timestamptz(3)
      );
      INSERT INTO alerting (since) VALUES (NULL);

      CREATE TABLE incidents (
        id uuid PRIMARY KEY,
        job_id uuid NOT NULL,
        job text COLLATE "C" NOT NULL,
        condition text NOT NULL,
        summary text NOT NULL,
        threshold double precision,
        channels text[] NOT NULL,
        opened_at timestamptz(3) NOT NULL,
        closed_at timestamptz(3),
        close_reason text,
        acknowledged_at timestamptz(3),
        acknowledged_by text,
        muted_until timestamptz(3),
        first_run uuid,
        latest_run uuid,
        latest_at timestamptz(3) NOT NULL,
        run_count integer NOT NULL
      );
      CREATE UNIQUE INDEX incidents_open ON incidents (job_id, condition) WHERE closed_at IS NULL;
      CREATE INDEX incidents_open_newest ON incidents (id DESC) WHERE closed_at IS NULL;
      CREATE INDEX incidents_of_job ON incidents (job, id DESC);
      CREATE INDEX incidents_of_condition ON incidents (job_id, condition, id DESC);
      CREATE INDEX incidents_closed ON incidents (closed_at) WHERE closed_at IS NOT NULL;

      CREATE TABLE incident_messages (
        incident_id uuid NOT NULL REFERENCES incidents ON DELETE CASCADE,
        channel text COLLATE "C" NOT NULL,
        event text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        sent_at timestamptz(3),
        run_id uuid,
        key uuid,
        PRIMARY KEY (incident_id, channel, event)
      );
      CREATE INDEX incident_messages_waiting ON incident_messages (channel, created_at) WHERE sent_at IS NULL;
      CREATE INDEX incident_messages_sent ON incident_messages (channel, sent_at) WHERE sent_at IS NOT NULL;
      CREATE INDEX incident_messages_of_key ON incident_messages (key) WHERE key IS NOT NULL;

      CREATE TABLE incident_checks (
        job_id uuid NOT NULL,
        condition text NOT NULL,
        check_at timestamptz(3) NOT NULL,
        PRIMARY KEY (job_id, condition)
      );
      CREATE INDEX incident_checks_due ON incident_checks (check_at);
      COMMENT ON TABLE incident_checks IS
        'When to check jobs again for conditions that no run triggers. No foreign key: its lock would keep jobs from being dispatched'
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      DROP TABLE incident_checks, incident_messages, incidents, alerting;
      ALTER TABLE runs DROP unread, DROP late;
      ALTER TABLE jobs DROP alerts
    `);
  }
}

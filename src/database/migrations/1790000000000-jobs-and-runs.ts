import type { MigrationInterface, QueryRunner } from 'typeorm';

export class JobsAndRuns1790000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      CREATE TABLE jobs (
        id uuid PRIMARY KEY,
        name text COLLATE "C" NOT NULL UNIQUE,
        description text NOT NULL,
        task text NOT NULL,
        input jsonb NOT NULL,
        trigger jsonb NOT NULL,
        paused boolean NOT NULL,
        declared_paused boolean NOT NULL,
        priority integer NOT NULL,
        tags text[] NOT NULL,
        timeout_seconds double precision NOT NULL,
        retry jsonb NOT NULL,
        on_interruption text NOT NULL,
        misfire jsonb NOT NULL,
        overlap text NOT NULL,
        source text NOT NULL,
        owner text,
        version integer NOT NULL,
        next_occurrence_at timestamptz(3),
        next_run_at timestamptz(3),
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL
      );
      CREATE INDEX jobs_due ON jobs (next_run_at) WHERE NOT paused AND next_run_at IS NOT NULL;
      CREATE INDEX jobs_updated ON jobs (updated_at DESC, name);

      CREATE TABLE runs (
        id uuid PRIMARY KEY,
        job_id uuid NOT NULL,
        job text COLLATE "C" NOT NULL,
        task text NOT NULL,
        kind text NOT NULL,
        state text NOT NULL,
        reason text,
        scheduled_at timestamptz(3) NOT NULL,
        due_at timestamptz(3) NOT NULL,
        queued_at timestamptz(3) NOT NULL,
        started_at timestamptz(3),
        finished_at timestamptz(3),
        next_attempt_at timestamptz(3),
        attempt integer NOT NULL DEFAULT 0,
        lateness_ms double precision,
        retries_used integer NOT NULL DEFAULT 0,
        interruptions integer NOT NULL DEFAULT 0,
        replica_number integer,
        replica text,
        ticket uuid,
        priority integer NOT NULL,
        timeout_seconds double precision NOT NULL,
        retry jsonb NOT NULL,
        on_interruption text NOT NULL,
        input jsonb NOT NULL,
        output jsonb,
        error jsonb,
        retry_of uuid,
        missed_to timestamptz(3),
        missed_count integer
      );
      CREATE UNIQUE INDEX runs_occurrence ON runs (job_id, scheduled_at) WHERE kind IN ('schedule', 'catch_up');
      CREATE INDEX runs_newest ON runs (queued_at DESC, id DESC);
      CREATE INDEX runs_of_job ON runs (job_id, queued_at DESC, id DESC);
      CREATE INDEX runs_by_job_name ON runs (job, queued_at DESC, id DESC);
      CREATE INDEX runs_open ON runs (job_id) WHERE state IN ('pending', 'running', 'retrying');
      CREATE INDEX runs_running ON runs (replica_number) WHERE state = 'running';
      CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;

      CREATE TABLE run_attempts (
        run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
        number integer NOT NULL,
        replica text,
        started_at timestamptz(3),
        finished_at timestamptz(3),
        state text NOT NULL,
        error jsonb,
        PRIMARY KEY (run_id, number)
      );

      CREATE TABLE run_logs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
        attempt integer NOT NULL,
        at timestamptz(3) NOT NULL,
        level text NOT NULL,
        message text NOT NULL,
        fields jsonb
      );
      CREATE INDEX run_logs_of_run ON run_logs (run_id, id);

      CREATE TABLE replicas (
        number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL,
        app text NOT NULL,
        started_at timestamptz(3) NOT NULL,
        seen_at timestamptz(3) NOT NULL,
        code_jobs text[],
        file_jobs text[]
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`DROP TABLE "${schema}".run_logs, "${schema}".run_attempts, "${schema}".runs, "${schema}".jobs,
      "${schema}".replicas`);
  }
}

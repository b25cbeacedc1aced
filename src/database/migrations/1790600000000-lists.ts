import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Indexes for lists of many jobs and runs. Partial indexes cost nothing for runs that succeed and are on time. */
export class Lists1790600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      CREATE INDEX jobs_next ON jobs ((COALESCE(CASE WHEN NOT paused THEN next_run_at END, 'infinity')), name);
      CREATE INDEX jobs_of_task ON jobs (task, name);
      CREATE INDEX jobs_declared ON jobs (source, name) WHERE source <> 'api';

      CREATE TABLE job_terms (
        job_id uuid PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
        text text NOT NULL,
        terms text[] NOT NULL
      );
      COMMENT ON TABLE job_terms IS
        'What jobs are found by: name and description in lower case, each three letters of that in a row, and #tag. Beside the jobs, whose rows change with each occurrence';
      CREATE FUNCTION trigrams(words text) RETURNS text[] IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
        SELECT coalesce(array_agg(DISTINCT substr(words, i, 3)), '{}') FROM generate_series(1, length(words) - 2) AS i $$;
      CREATE FUNCTION write_job_terms() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        DECLARE
          -- The name's own collation knows no letters but those of ASCII.
          words text := lower((NEW.name || chr(10) || NEW.description) COLLATE "default");
          tags text[] := ARRAY(SELECT '#' || tag FROM unnest(NEW.tags) AS tag);
        BEGIN
          INSERT INTO job_terms VALUES (NEW.id, words, trigrams(words) || tags)
            ON CONFLICT (job_id) DO UPDATE SET text = EXCLUDED.text, terms = EXCLUDED.terms;
          RETURN NULL;
        END $$;
      CREATE TRIGGER jobs_terms AFTER INSERT OR UPDATE OF name, description, tags ON jobs
        FOR EACH ROW EXECUTE FUNCTION write_job_terms();
      -- Rows as they are; new values of theirs are written by the trigger.
      UPDATE jobs SET description = description;
      CREATE INDEX job_terms_terms ON job_terms USING gin (terms);

      CREATE INDEX runs_without_success ON runs (state, queued_at DESC, id DESC) WHERE ${withoutSuccess};
      CREATE INDEX runs_of_job_without_success ON runs (job, state, queued_at DESC, id DESC) WHERE ${withoutSuccess};
      CREATE INDEX runs_of_kind ON runs (kind, queued_at DESC, id DESC) WHERE kind <> 'schedule';
      CREATE INDEX runs_late ON runs (queued_at DESC, id DESC, scheduled_at)
        WHERE queued_at - scheduled_at > interval '1 minute';

      CREATE INDEX audit_of_action ON audit (action, at DESC, id DESC);
      CREATE INDEX audit_by ON audit (by, at DESC, id DESC);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      DROP TRIGGER jobs_terms ON jobs;
      DROP FUNCTION write_job_terms, trigrams;
      DROP TABLE job_terms;
      DROP INDEX jobs_next, jobs_of_task, jobs_declared, runs_without_success, runs_of_job_without_success,
        runs_of_kind, runs_late, audit_of_action, audit_by
    `);
  }
}

const withoutSuccess = `state IN ('failed', 'timed_out', 'cancelled', 'skipped', 'missed')`;

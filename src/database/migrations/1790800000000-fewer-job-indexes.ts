import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Each occurrence updates the row of its job, and thereby every index. Queries find due jobs by jobs_next and jobs of a task by the
 *  terms, so the other two indexes are dropped. */
export class FewerJobIndexes1790800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      DROP INDEX jobs_due, jobs_of_task;
      ${termsOf(`ARRAY(SELECT '#' || tag FROM unnest(NEW.tags) AS tag) || ('@' || NEW.task)`)}
      CREATE OR REPLACE TRIGGER jobs_terms AFTER INSERT OR UPDATE OF name, description, tags, task ON jobs
        FOR EACH ROW EXECUTE FUNCTION write_job_terms();
      UPDATE job_terms SET terms = terms || ('@' || jobs.task) FROM jobs WHERE jobs.id = job_terms.job_id;
      -- Definitions change seldom, and what waits to be merged is looked through by each search.
      ALTER INDEX job_terms_terms SET (fastupdate = off);
      COMMENT ON TABLE job_terms IS
        'What jobs are found by: name and description in lower case, each three letters of that in a row, #tag and @task. Beside the jobs, whose rows change with each occurrence'
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      CREATE INDEX jobs_due ON jobs (next_run_at) WHERE NOT paused AND next_run_at IS NOT NULL;
      CREATE INDEX jobs_of_task ON jobs (task, name);
      ${termsOf(`ARRAY(SELECT '#' || tag FROM unnest(NEW.tags) AS tag)`)}
      CREATE OR REPLACE TRIGGER jobs_terms AFTER INSERT OR UPDATE OF name, description, tags ON jobs
        FOR EACH ROW EXECUTE FUNCTION write_job_terms();
      ALTER INDEX job_terms_terms RESET (fastupdate);
      UPDATE job_terms SET terms = array_remove(terms, '@' || jobs.task) FROM jobs WHERE jobs.id = job_terms.job_id
    `);
  }
}

const termsOf = (marked: string) => `
  CREATE OR REPLACE FUNCTION write_job_terms() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    DECLARE
      -- The name's own collation knows no letters but those of ASCII.
      words text := lower((NEW.name || chr(10) || NEW.description) COLLATE "default");
      marked text[] := ${marked};
    BEGIN
      INSERT INTO job_terms VALUES (NEW.id, words, trigrams(words) || marked)
        ON CONFLICT (job_id) DO UPDATE SET text = EXCLUDED.text, terms = EXCLUDED.terms;
      RETURN NULL;
    END $$;`;

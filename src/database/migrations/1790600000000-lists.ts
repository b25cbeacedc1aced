import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What lists of many jobs and runs look at. Where an index is partial, the runs that succeed and are on time pay nothing for it. */
export class Lists1790600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      CREATE INDEX jobs_next ON jobs ((COALESCE(CASE WHEN NOT paused THEN next_run_at END, 'infinity')), name);
      CREATE INDEX jobs_of_task ON jobs (task, name);
      CREATE INDEX jobs_declared ON jobs (source, name) WHERE source <> 'api';
      CREATE INDEX jobs_tags ON jobs USING gin (tags);

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
      DROP INDEX jobs_next, jobs_of_task, jobs_declared, jobs_tags, runs_without_success, runs_of_job_without_success,
        runs_of_kind, runs_late, audit_of_action, audit_by
    `);
  }
}

const withoutSuccess = `state IN ('failed', 'timed_out', 'cancelled', 'skipped', 'missed')`;

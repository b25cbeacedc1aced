import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Orders runs by their id, which contains the milliseconds of queued_at, so that each run is written to fewer indexes. */
export class RunsById1790700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      DROP INDEX runs_newest, runs_of_job, runs_by_job_name, runs_finished, runs_without_success,
        runs_of_job_without_success, runs_of_kind;
      CREATE INDEX runs_of_job ON runs (job, id DESC);
      CREATE INDEX runs_without_success ON runs (state, id DESC) WHERE ${withoutSuccess};
      CREATE INDEX runs_of_job_without_success ON runs (job, state, id DESC) WHERE ${withoutSuccess};
      CREATE INDEX runs_of_kind ON runs (kind, id DESC) WHERE kind <> 'schedule'
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      DROP INDEX runs_of_job, runs_without_success, runs_of_job_without_success, runs_of_kind;
      CREATE INDEX runs_newest ON runs (queued_at DESC, id DESC);
      CREATE INDEX runs_of_job ON runs (job_id, queued_at DESC, id DESC);
      CREATE INDEX runs_by_job_name ON runs (job, queued_at DESC, id DESC);
      CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;
      CREATE INDEX runs_without_success ON runs (state, queued_at DESC, id DESC) WHERE ${withoutSuccess};
      CREATE INDEX runs_of_job_without_success ON runs (job, state, queued_at DESC, id DESC) WHERE ${withoutSuccess};
      CREATE INDEX runs_of_kind ON runs (kind, queued_at DESC, id DESC) WHERE kind <> 'schedule'
    `);
  }
}

const withoutSuccess = `state IN ('failed', 'timed_out', 'cancelled', 'skipped', 'missed')`;

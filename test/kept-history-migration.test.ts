import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../src/database/data-source.js';
import { KeptHistory1791950000000 } from '../src/database/migrations/1791950000000-kept-history.js';
import { Job } from '../src/jobs/definition/job.entity.js';
import { auditedJob } from '../src/jobs/definition/job-fields.js';
import { createTestDatabase } from './support/database.js';
import { givenJobs, jobRow } from './support/jobs.js';

it('the migration keeps the current definition and the pause of each job, and says that it does not know earlier ones', async () => {
  const database = await createTestDatabase();
  const settings = { DATABASE_URL: database.url, DATABASE_SCHEMA: 'cronzimus' };
  const source = await new DataSource({
    ...dataSourceOptions(settings, 'test', 2),
    schema: 'cronzimus',
    entities: [Job],
  }).initialize();
  try {
    const updatedAt = new Date('2026-06-01T12:00:00Z');
    const job = jobRow('old', { paused: true, tags: ['a', 'b'], input: { deep: [1, null] }, version: 4, updatedAt });
    await givenJobs(source, [job, jobRow('running')]);
    const migration = new KeptHistory1791950000000();
    const runner = source.createQueryRunner();
    for (const direction of ['down', 'up'] as const) {
      await runner.startTransaction();
      await migration[direction](runner);
      await runner.commitTransaction();
    }
    await runner.release();
    const [kept] = await source.query<Record<string, unknown>[]>(
      `SELECT version, valid_from, valid_to, earlier_unknown, definition FROM cronzimus.job_versions WHERE job = 'old'`,
    );
    expect(kept).toEqual({
      version: 4,
      valid_from: updatedAt,
      valid_to: null,
      earlier_unknown: true,
      definition: JSON.parse(JSON.stringify(auditedJob(job))) as unknown,
    });
    expect(await source.query('SELECT job, paused_at, ended_at, until FROM cronzimus.job_pauses')).toEqual([
      { job: 'old', paused_at: updatedAt, ended_at: null, until: null },
    ]);
  } finally {
    await source.destroy();
    await database.drop();
  }
});

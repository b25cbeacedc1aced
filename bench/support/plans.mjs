import { DataSource } from 'typeorm';
import { auditQuery, listAudit } from '../../dist/auth/read-audit.js';
import { dataSourceOptions } from '../../dist/database/data-source.js';
import { transaction } from '../../dist/database/transaction.js';
import { Job } from '../../dist/jobs/definition/job.entity.js';
import { jobsQuery, listJobs } from '../../dist/jobs/api/list-jobs.js';
import { listRuns, runsQuery } from '../../dist/runs/api/read-runs.js';
import { Run } from '../../dist/runs/lifecycle/run.entity.js';

const lists = {
  '/jobs': (tx, query) => listJobs(tx, jobsQuery.parse(query)),
  '/runs': (tx, query) => listRuns(tx, runsQuery.parse(query)),
  '/audit': (tx, query) => listAudit(tx, auditQuery.parse(query)),
};

/** The plans of the statements that a list asks, as they were carried out; none for what is no list. */
export async function plansOf(settings, path) {
  const { pathname, searchParams } = new URL(path, 'http://bench');
  const list = lists[pathname];
  if (!list) return [];
  const asked = [];
  const logger = { logQuery: (text, values) => asked.push({ text, values }) };
  for (const name of ['logQueryError', 'logQuerySlow', 'logSchemaBuild', 'logMigration', 'log'])
    logger[name] = () => {};
  const source = new DataSource({ ...dataSourceOptions(settings, 'bench', 1), entities: [Job, Run], logger });
  await source.initialize();
  try {
    return await transaction(source, settings.DATABASE_SCHEMA, 60_000, async (tx) => {
      asked.length = 0;
      await list(tx, Object.fromEntries(searchParams));
      const plans = [];
      for (const { text, values } of asked.filter(({ text }) => /^\s*SELECT/.test(text) && !/set_config/.test(text))) {
        const lines = await tx.query(`EXPLAIN (ANALYZE, BUFFERS) ${text}`, values);
        plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
      }
      return plans;
    });
  } finally {
    await source.destroy();
  }
}

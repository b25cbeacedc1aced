import { once } from 'node:events';
import { Injectable, Module } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { ENVIRONMENT, type Environment } from '../src/config/environment.js';
import { serve } from '../src/application.js';
import type { RunContext } from '../src/tasks/run-context.js';
import { Task, type TaskHandler } from '../src/tasks/task.decorator.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { finishedJob } from './support/service.js';
import { givenJobs } from './support/jobs.js';
import { runSql } from './support/run-sql.js';
import { dataSourceOptions, SCHEDULER, TASKS } from '../src/database/data-source.js';
import { waitingUntil } from '../src/database/task-pool.js';
import { withRunFields } from '../src/logging/run-fields.js';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { NestExpressApplication } from '@nestjs/platform-express';

/** More than the old limit of 5 s for a wait. */
const HELD_SECONDS = 6;

const input = z.strictObject({
  by: z.enum(['transaction', 'datasource']),
  seconds: z.number(),
  aborts: z.boolean().default(false),
});

/** Holds one connection for some seconds. */
@Injectable()
@Task({ name: 'hold', input })
class Hold implements TaskHandler<typeof input> {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  async run({ by, seconds, aborts }: z.infer<typeof input>, { transaction, signal }: RunContext) {
    const sleep = ['SELECT pg_sleep($1)', [seconds]] as const;
    if (by === 'datasource') await this.database.query(...sleep);
    else await transaction((tx) => tx.query(...sleep));
    if (aborts) await once(signal, 'abort');
  }
}

/** Keeps a transaction open until its signal aborts. */
@Injectable()
@Task({ name: 'keep' })
class Keep implements TaskHandler {
  async run(_input: object, { transaction, signal }: RunContext) {
    await transaction(async () => {
      if (!signal.aborted) await once(signal, 'abort');
    });
  }
}

@Module({ providers: [Hold, Keep] })
class Tasks {}

let database: TestDatabase;
let app: NestExpressApplication;
let drain: () => Promise<void>;
let api: string;

beforeEach(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url, { SHUTDOWN_GRACE_SECONDS: '0' }, [Tasks]);
  drain = await serve(app, app.get<Environment>(ENVIRONMENT, { strict: false }));
  api = `${await app.getUrl()}/api/v1`;
});

afterEach(async () => {
  await drain();
  await app.close();
  await database.drop();
});

const given = (...jobs: Parameters<typeof givenJobs>[1]) =>
  givenJobs(app.get<DataSource>(getDataSourceToken(SCHEDULER), { strict: false }), jobs);
const run = async (job: string): Promise<string> => {
  const response = await fetch(`${api}/jobs/${job}/run`, { method: 'POST', headers: { 'X-Cronzimus-Request': '1' } });
  return ((await response.json()) as { id: string }).id;
};
const runs = () =>
  runSql(database.url, 'SELECT job, state, error FROM cronzimus.runs ORDER BY id') as Promise<
    { job: string; state: string; error: { message: string; code: string } | null }[]
  >;

/** Fills the default number of connections with transactions that stay open. */
async function givenFullPool(): Promise<void> {
  const { TASK_POOL_MAX } = app.get<Environment>(ENVIRONMENT, { strict: false });
  const names = Array.from({ length: TASK_POOL_MAX }, (_, n) => `keep-${n}`);
  await given(...names.map((name) => finishedJob(name, 'keep')));
  await Promise.all(names.map(run));
  await eventually(async () => {
    const [row] = await runSql(
      database.url,
      `SELECT count(*)::int AS open FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'cronzimus tasks' AND state = 'idle in transaction'`,
    );
    expect(row).toEqual({ open: TASK_POOL_MAX });
  });
}

describe('the connections of tasks', () => {
  it.each(['transaction', 'datasource'])(
    'are waited for until they are free: 24 runs hold one by %s for longer than 5 s',
    async (by) => {
      const names = Array.from({ length: 24 }, (_, n) => `hold-${n}`);
      await given(...names.map((name) => finishedJob(name, 'hold', { input: { by, seconds: HELD_SECONDS } })));
      await Promise.all(names.map(run));
      await eventually(
        async () => expect((await runs()).filter(({ state }) => !/pending|running/.test(state))).toHaveLength(24),
        {
          within: 90_000,
        },
      );
      expect((await runs()).filter(({ state }) => state !== 'succeeded')).toEqual([]);
    },
  );

  it.each(['transaction', 'datasource'])(
    'are waited for until the attempt times out, and its error says so: by %s',
    async (by) => {
      await givenFullPool();
      await given(finishedJob('waits', 'hold', { input: { by, seconds: 0 }, timeoutSeconds: 1 }));
      await run('waits');
      await eventually(async () =>
        expect((await runs()).find(({ job }) => job === 'waits')).toMatchObject({
          state: 'timed_out',
          error: {
            code: 'TIMED_OUT',
            message: expect.stringMatching(
              /No database connection became free.*held longest by: (run [\da-f-]{36} of job "keep-\d", attempt 1, for \d+\.\d s; ){5}5 more.*TASK_POOL_MAX/,
            ),
          },
        }),
      );
    },
  );

  it('name who holds them, the oldest first, also outside of runs', async () => {
    const source = await new DataSource(
      dataSourceOptions({ DATABASE_URL: database.url, DATABASE_SCHEMA: 'cronzimus' }, TASKS, 3),
    ).initialize();
    const held = [source.createQueryRunner(), source.createQueryRunner(), source.createQueryRunner()];
    const refusal = () => source.query('SELECT 1').catch((error: Error) => error.message);
    try {
      const [first, second, third] = held;
      await withRunFields({ runId: 'gone', job: 'returns-it', attempt: 1 }, () => first!.connect());
      await withRunFields({ runId: 'a', job: 'first', attempt: 2 }, () => second!.connect());
      await first!.release();
      await third!.connect();
      held[0] = source.createQueryRunner();
      await withRunFields({ runId: 'b', job: 'last', attempt: 1 }, () => held[0]!.connect());
      const message = await waitingUntil(AbortSignal.abort(), refusal);
      expect(message).toMatch(
        /held longest by: run a of job "first", attempt 2, for \d+\.\d s; code outside of runs, for \d+\.\d s; run b of job "last", attempt 1, for \d+\.\d s\. /,
      );
      expect(message).not.toMatch(/returns-it| more/);
    } finally {
      await Promise.all(held.map((runner) => runner.release()));
      await source.destroy();
    }
  });

  it('never keep prune-runs waiting', async () => {
    await givenFullPool();
    await run('prune-runs');
    await eventually(async () =>
      expect((await runs()).find(({ job }) => job === 'prune-runs')).toMatchObject({ state: 'succeeded' }),
    );
  });
});

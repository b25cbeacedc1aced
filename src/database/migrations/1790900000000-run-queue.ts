import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Problem } from '../../core/problem.js';

/** Delivery by a table of our own in place of pg-boss. */
export class RunQueue1790900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await refuseLiveReplicas(runner);
    await runner.query(`
      ALTER TABLE runs DROP ticket, ADD claimed_ahead boolean NOT NULL DEFAULT false;

      CREATE TABLE run_queue (
        run_id uuid PRIMARY KEY,
        task text COLLATE "C" NOT NULL,
        priority integer NOT NULL,
        ready_at timestamptz(3) NOT NULL,
        exclusive boolean NOT NULL
      ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
      CREATE INDEX run_queue_next ON run_queue (task, priority DESC, ready_at, run_id);
      COMMENT ON TABLE run_queue IS 'One entry for each run that may start: what workers claim from. The rows of runs are the truth';

      INSERT INTO run_queue (run_id, task, priority, ready_at, exclusive)
      SELECT id, task, priority, COALESCE(next_attempt_at, queued_at), on_interruption = 'fail' FROM runs
      WHERE state IN ('pending', 'retrying') AND NOT held
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`DROP TABLE run_queue; ALTER TABLE runs DROP claimed_ahead, ADD ticket uuid`);
  }
}

/** Replicas of earlier versions deliver through pg-boss, and would neither see the new queue nor write to it. */
async function refuseLiveReplicas(runner: QueryRunner): Promise<void> {
  const live = (await runner.query(
    `SELECT name FROM replicas WHERE seen_at > statement_timestamp() - interval '10 s' ORDER BY number`,
  )) as { name: string }[];
  if (live.length === 0) return;
  const names = live.map(({ name }) => `"${name}"`).join(', ');
  throw new Problem(
    503,
    'REPLICAS_RUNNING',
    `This migration needs all replicas of the earlier version stopped. Still alive: ${names}. ` +
      'Stop them, wait 10 s, and start this version again. Nothing was changed',
  );
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Marks the runs that a worker starts one at a time, because they may be what kills processes. Replicas of the previous
 *  version may go on beside this: they do not write the mark, and ignore it. */
export class Suspects1791000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      ALTER TABLE run_queue ADD suspect boolean NOT NULL DEFAULT false;
      CREATE INDEX run_queue_suspects ON run_queue (task, priority DESC, ready_at, run_id) WHERE suspect;
      UPDATE run_queue SET suspect = true FROM runs WHERE id = run_id AND interruptions >= 2
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query('ALTER TABLE run_queue DROP suspect');
  }
}

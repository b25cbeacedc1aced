import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A count of the heartbeats of each replica, and the losses of committed data that replicas have noticed by it. Replicas of the
 *  previous version do not count, and notice nothing. */
export class DataLosses1791600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`
      ALTER TABLE replicas ADD beats integer NOT NULL DEFAULT 0;
      CREATE TABLE data_losses (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        noticed_at timestamptz(3) NOT NULL,
        from_at timestamptz(3),
        until_at timestamptz(3) NOT NULL,
        runs_missing integer NOT NULL,
        attempts_undone integer NOT NULL,
        replica text NOT NULL
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { schema } = runner.dataSource.options as { schema: string };
    await runner.query(`SET LOCAL search_path TO "${schema}"`);
    await runner.query(`DROP TABLE data_losses; ALTER TABLE replicas DROP beats`);
  }
}

import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../src/database/data-source.js';
import { poolOf } from '../src/database/pool-of.js';
import { createTestDatabase } from './support/database.js';

it('the pool of a DataSource, in the private field of TypeORM, is a Pool of pg with its counts', async () => {
  const database = await createTestDatabase();
  const settings = { DATABASE_URL: database.url, DATABASE_SCHEMA: 'cronzimus', DATABASE_DIRECT_URL: undefined };
  const source = await new DataSource(dataSourceOptions(settings, 'test', 2)).initialize();
  const counts = () => {
    const { totalCount, idleCount, waitingCount } = poolOf(source);
    return { totalCount, idleCount, waitingCount };
  };
  try {
    expect(poolOf(source)).toBeInstanceOf(Pool);
    await source.query('SELECT 1');
    expect(counts()).toEqual({ totalCount: 1, idleCount: 1, waitingCount: 0 });
    const runners = [1, 2, 3].map(() => source.createQueryRunner());
    const connecting = runners.map((runner) => runner.connect());
    await Promise.all(connecting.slice(0, 2));
    expect(counts()).toEqual({ totalCount: 2, idleCount: 0, waitingCount: 1 });
    await runners[0]!.release();
    await connecting[2];
    await Promise.all(runners.slice(1).map((runner) => runner.release()));
    expect(counts()).toEqual({ totalCount: 2, idleCount: 2, waitingCount: 0 });
  } finally {
    await source.destroy();
    await database.drop();
  }
});

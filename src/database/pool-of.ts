import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';

/** The connection pool of an initialized DataSource. TypeORM keeps it in a field of its driver that its types do not describe, so
 *  this is the only place that reads it. test/pool-of.test.ts fails when an update of TypeORM moves it. */
export const poolOf = (source: DataSource): Pool => (source.driver as unknown as { master: Pool }).master;

import { DataSource, type EntityManager } from 'typeorm';
import { API, dataSourceOptions } from '../src/database/data-source.js';
import { transaction } from '../src/database/transaction.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';

let database: TestDatabase;
let source: DataSource;
beforeAll(async () => {
  database = await createTestDatabase();
  const settings = { DATABASE_URL: database.url, DATABASE_DIRECT_URL: undefined, DATABASE_SCHEMA: 'cronzimus' };
  source = await new DataSource(dataSourceOptions(settings, API, 1)).initialize();
});
afterAll(async () => {
  await source.destroy();
  await database.drop();
});

const sleep = (tx: EntityManager) => tx.query('SELECT pg_sleep(60)');

it('the server ends a statement of a request, and not the client, also when it may take longer than others', async () => {
  await expect(transaction(source, 'cronzimus', 9_000, sleep)).rejects.toMatchObject({ code: '57014' });
  await expect(transaction(source, 'cronzimus', 100, sleep)).rejects.toMatchObject({ code: '57014' });
});

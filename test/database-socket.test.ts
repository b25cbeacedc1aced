import { Client, Pool, type PoolClient } from 'pg';
import { streamOf } from '../src/database/database-socket.js';
import { watchMessages } from '../src/database/watch-messages.js';

const connectionString = process.env['TEST_DATABASE_URL']!;

it('the stream of a connected client, in the private field of pg, carries the messages of the protocol', async () => {
  const pool = new Pool({ connectionString });
  const client = new Client({ connectionString });
  await client.connect();
  const pooled: PoolClient = await pool.connect();
  try {
    for (const one of [client, pooled]) {
      const types: string[] = [];
      const lengths: number[] = [];
      const query = { text: 'SELECT repeat($1, 100000) FROM generate_series(1, 3)', values: ['x'] };
      await watchMessages(
        one,
        (type, bytes) => void (types.push(type), lengths.push(bytes)),
        () => one.query(query),
      );
      await one.query('SELECT 1');
      // ParseComplete, BindComplete, RowDescription, three DataRows, CommandComplete, ReadyForQuery.
      expect(types.join('')).toBe('12TDDDCZ');
      expect(lengths.filter((length) => length > 100_000)).toHaveLength(3);
    }
    const refused = new Error('no rows');
    client.on('error', () => undefined);
    const watched = watchMessages(
      client,
      (type) => (type === 'D' ? refused : undefined),
      () => client.query('SELECT 1'),
    );
    await expect(watched).rejects.toBe(refused);
    expect(streamOf(client).destroyed).toBe(true);
  } finally {
    await client.end();
    pooled.release();
    await pool.end();
  }
});

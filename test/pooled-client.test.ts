import { createServer, type Server, type AddressInfo, type Socket } from 'node:net';
import { DataSource } from 'typeorm';
import { API, dataSourceOptions, SCHEDULER, TASKS } from '../src/database/data-source.js';

const message = (type: string, body: Buffer) => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
};
const authenticated = message('R', Buffer.alloc(4));
const ready = message('Z', Buffer.from('I'));
const fatal = message('E', Buffer.from('SFATAL\0C57P01\0Mthe server stops\0\0'));

let server: Server;
const sockets = new Set<Socket>();

/** A server that accepts each session and ends it in the same packet. */
beforeAll(async () => {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, fatal])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

describe('a session that the server ends in the moment in which it is ready', () => {
  it.each([API, SCHEDULER, TASKS])('fails the statement that wanted it, and not the process: pool %s', async (pool) => {
    const { port } = server.address() as AddressInfo;
    const settings = {
      DATABASE_URL: `postgres://user@127.0.0.1:${port}/database?sslmode=disable`,
      DATABASE_DIRECT_URL: undefined,
      DATABASE_SCHEMA: 'cronzimus',
    };
    const source = new DataSource({ ...dataSourceOptions(settings, pool, 2), logging: false });
    await expect(source.initialize()).rejects.toThrow();
  });
});

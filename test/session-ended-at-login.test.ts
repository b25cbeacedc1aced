import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { DataSource } from 'typeorm';
import { API, dataSourceOptions, SCHEDULER, TASKS } from '../src/database/data-source.js';

const message = (type: string, body: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + Buffer.byteLength(body, 'latin1'));
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body, 'latin1')]);
};
/** A login that succeeds, and the end of the session, as a server that is killed sends them. */
const LOGIN_AND_END = Buffer.concat([
  message('R', '\0\0\0\0'),
  message('Z', 'I'),
  message('E', 'SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0'),
]);

it.each([API, SCHEDULER, TASKS])(
  'a session that the server ends in the packet of its login fails a query, and not the process: pool %s',
  async (name) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => void socket.end(LOGIN_AND_END));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const settings = {
      DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/d?sslmode=disable`,
      DATABASE_DIRECT_URL: undefined,
      DATABASE_SCHEMA: 'cronzimus',
    };
    const source = new DataSource(dataSourceOptions(settings, name, 2));
    await expect(source.initialize()).rejects.toThrow(/connection|postmaster/i);
    server.close();
  },
);

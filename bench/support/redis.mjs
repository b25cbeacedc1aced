import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';

/** A Redis with the defaults of redis-server, in a folder that goes again; null where there is no redis-server. */
export async function startRedis() {
  const version = await promisify(execFile)('redis-server', ['--version']).catch(() => null);
  if (!version) return null;
  const folder = await mkdtemp(join(tmpdir(), 'cronzimus-bench-redis-'));
  const port = await freePort();
  const server = spawn('redis-server', ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder], {
    stdio: 'ignore',
  });
  const client = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: 50 });
  client.on('error', () => {}); // Until it listens.
  await client.ping();
  const told = async (name) => (await client.config('GET', name))[1];
  return {
    url: `redis://127.0.0.1:${port}`,
    settings: {
      version: /v=(\S+)/.exec(version.stdout)[1],
      appendonly: await told('appendonly'),
      save: await told('save'),
    },
    empty: () => client.flushall(),
    async stop() {
      client.disconnect();
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

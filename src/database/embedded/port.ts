import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { writePrivately, type EmbeddedSite } from './site.js';

/** The port this folder used last, so that tools stay connected over restarts; another one where that is taken. */
export async function choosePort(site: EmbeddedSite): Promise<number> {
  const last = Number(await readFile(site.port, 'utf8').catch(() => ''));
  const free = (last && (await bind(last))) || (await bind(0));
  if (!free) throw new Error('No free port on 127.0.0.1');
  if (free !== last) await writePrivately(site, site.port, String(free));
  return free;
}

/** Takes a port for a moment (0: any) and returns it, or undefined when it is taken. */
function bind(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

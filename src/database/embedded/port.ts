import { createServer } from 'node:net';
import { readPrivately, writePrivately } from './own-files.js';
import type { EmbeddedSite } from './site.js';

/** The port that this folder used last, so that tools can reconnect after a restart. Another free port when that one is taken. */
export async function choosePort(site: EmbeddedSite): Promise<number> {
  const last = Number(await readPrivately(site.port, site.account));
  const free = (last && (await bind(last))) || (await bind(0));
  if (!free) throw new Error('No free port on 127.0.0.1');
  if (free !== last) await writePrivately(site.port, String(free), site.account);
  return free;
}

/** Listens on a port for a moment and returns it, or undefined when it is taken. Port 0 means any free port. */
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

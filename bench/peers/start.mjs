import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ask } from '../support/ask.mjs';

const PROCESS = join(import.meta.dirname, 'process.mjs');

/** Hands `use` a process of its own with that peer on an empty database, which answers to ask(). */
export function startPeer(peer, { postgres, redis }, use) {
  const start = async (url) => {
    const child = fork(PROCESS, [peer.module, url], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const ended = once(child, 'exit');
    try {
      await ask(child, 'open');
      return await use(child);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  };
  if (peer.on === 'PostgreSQL') return postgres.withDatabase(start);
  return peer.on === 'Redis' ? redis.empty().then(() => start(redis.url)) : start('');
}

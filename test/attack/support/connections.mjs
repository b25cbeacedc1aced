// Attackers that use plain TCP connections. They run in processes of their own: see `Service.attack`.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export const here = import.meta.filename;

/**
 * Opens `count` connections to `port`, and keeps them until the server has closed all of them or `seconds` have passed. Each one
 * sends `text`, then `fillBytes` times the letter x, then `repeat` every `everyMs`. With `read: false` no response is read.
 * Returns how many connections got which status, were closed without a response, or were still without one.
 */
export async function holdConnections(
  { port, count, text, fillBytes = 0, repeat, everyMs = 100, read = true, seconds },
  { signal },
) {
  const over = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  const answers = {};
  const hold = async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    let status;
    if (read) socket.on('data', (piece) => (status ??= /^HTTP\/1\.1 (\d+)/.exec(piece.toString('latin1'))?.[1]));
    const closed = new Promise((resolve) => socket.once('close', () => resolve('closed')));
    const sending = send(socket, { text, fillBytes, repeat, everyMs, over }).catch(() => {});
    const ended = await Promise.race([closed, aborted(over)]);
    const answer = status ?? ended ?? (read ? 'no response' : 'held open');
    answers[answer] = (answers[answer] ?? 0) + 1;
    socket.destroy();
    await sending;
  };
  await Promise.all(Array.from({ length: count }, hold));
  return { answers };
}

async function send(socket, { text, fillBytes, repeat, everyMs, over }) {
  await write(socket, text);
  const piece = Buffer.alloc(65_536, 'x');
  for (let left = fillBytes; left > 0 && !socket.destroyed; left -= piece.length)
    await write(socket, left < piece.length ? piece.subarray(0, left) : piece);
  if (repeat === undefined) return;
  while (!over.aborted && !socket.destroyed) {
    if (everyMs > 0) await delay(everyMs, undefined, { signal: over });
    await write(socket, repeat);
  }
}

/** Waits until the server takes more, or the connection is closed. */
async function write(socket, text) {
  if (socket.destroyed || socket.write(text)) return;
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(() => {});
  settled.abort();
}

const aborted = (signal) =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));

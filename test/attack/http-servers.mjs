// Point 8: an http task ends by its timeout, whatever the server answers.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { countsAsText } from './support/numbers.mjs';
import { inProcess } from './support/processes.mjs';
import { createJob, finishedStates, runJob, slotFaults, unfinished } from './support/runs.mjs';

const SLOTS = 6;
/** Half of the slots: as many as it takes to end a replica if none of them returns. */
const RUNS = SLOTS / 2;
const TIMEOUT_SECONDS = 1;
/** From the timeout to the end of the run. */
const GRACE_SECONDS = 3;
/** Ten seconds after its signal, a task that ignores it is given up. This is what shows then. */
const ABANDONED_SECONDS = 12;

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const PIECE = 'x'.repeat(16_384);
const CHUNK = `${PIECE.length.toString(16)}\r\n${PIECE}\r\n`;
/** 64 MiB of zeros in 64 KiB. A gzip stream may have any number of such members. */
const BOMB = gzipSync(Buffer.alloc(64 * 2 ** 20));

/** What each server sends: `first` once, then `rest` every `everyMs` without end. */
const servers = {
  'a 101 and nothing else': {
    first: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n',
  },
  'a 101 and endless bytes': {
    first: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    rest: PIECE,
  },
  'a flood of 100': { rest: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(500) },
  'a flood of 103': { rest: 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'.repeat(500) },
  nothing: {},
  'a trickling body': { first: CHUNKED, rest: '1\r\nx\r\n', everyMs: 100 },
  'endless headers': { first: OK, rest: `X-Header: ${PIECE}\r\n` },
  'trickling headers': { first: OK, rest: 'X: 1\r\n', everyMs: 100 },
  'an endless body': { first: CHUNKED, rest: CHUNK },
  'a gzip bomb': { first: `${OK}Content-Encoding: gzip\r\n\r\n`, rest: BOMB },
  'a bomb of small gzip members': {
    first: `${OK}Content-Encoding: gzip\r\n\r\n`,
    rest: gzipSync('').toString('latin1').repeat(500),
  },
  'endless trailers': { first: `${CHUNKED}1\r\nx\r\n0\r\n`, rest: 'X-Trailer: 1\r\n', everyMs: 20 },
};
const names = Object.keys(servers);

/** Listens on one port for each server. Runs in a process of its own. */
export async function serve(_args, { signal, ready }) {
  const listening = names.map((name) => listen(servers[name], signal));
  ready(await Promise.all(listening));
  if (!signal.aborted) await once(signal, 'abort');
}

async function listen({ first = '', rest, everyMs = 0 }, signal) {
  const server = createServer((socket) => {
    socket.on('error', () => {}).resume();
    socket.once('data', () => void answer(socket));
  });
  const answer = async (socket) => {
    socket.write(first);
    if (rest === undefined) return;
    while (!socket.destroyed && !signal.aborted) {
      const full = !socket.write(rest, 'latin1');
      if (full) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
      else await delay(everyMs);
    }
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

const attackBy = (name, nth) => ({
  id: `8-${String.fromCodePoint(97 + nth)}`,
  sent: `${RUNS} http tasks at ${SLOTS} slots, timeout ${TIMEOUT_SECONDS} s; the server answers with ${name}`,
  quick: ['a trickling body', 'a gzip bomb'].includes(name),
  service: { settings: { WORKER_CONCURRENCY: String(SLOTS) } },
  async run(service, { targetUrl }) {
    const processOfServers = inProcess(import.meta.filename, 'serve', {});
    try {
      const ports = await processOfServers.ready;
      const input = { url: `http://127.0.0.1:${ports[nth]}/` };
      await createJob(service, 'hostile', { task: 'http', input, timeoutSeconds: TIMEOUT_SECONDS });
      const ids = await runJob(service, 'hostile', RUNS);
      return await judgeRuns(service, ids, TIMEOUT_SECONDS, targetUrl);
    } finally {
      await processOfServers.stop();
    }
  },
});

/** Whether hostile runs end soon after their timeout, and whether their slots return. Waits longer for what does not, to see whether
 *  the replica survives. */
export async function judgeRuns(service, ids, timeoutSeconds, targetUrl) {
  let counts = await finishedStates(service, ids, timeoutSeconds + GRACE_SECONDS);
  const late = unfinished(counts);
  const faults = late > 0 ? [`${late} of ${ids.length} runs had not ended ${GRACE_SECONDS} s after their timeout`] : [];
  if (late > 0) {
    counts = await finishedStates(service, ids, ABANDONED_SECONDS);
    await Promise.race([service.ended, delay(2_000)]);
  }
  return { answers: countsAsText(counts), faults: [...faults, ...(await slotFaults(service, targetUrl))] };
}

export const attacks = names.map(attackBy);

// Viewers that send one request after the other, each on a connection of its own, until told to stop.
import { Agent, request } from 'node:http';
import { setPriority } from 'node:os';
import { answer } from './ask.mjs';
import { quantile } from './numbers.mjs';

// On two processors they would take the time of the service. Elsewhere they are on other machines.
setPriority(10);

let stopped = true;
let agent;
const statuses = {};
const took = [];

answer({
  /** Starts `count` viewers that send `{ method, path, body? }`. With `hangUp`, they close the connection after so many ms. */
  start: (url, count, key, sent, hangUp) => {
    stopped = false;
    agent = new Agent({ keepAlive: true, maxSockets: count });
    for (let n = 0; n < count; n++) void view(new URL(sent.path, url), key, sent, hangUp);
  },
  /** Stops them, and answers how many responses there were by status, and the median time of those with 200. */
  stop: () => {
    stopped = true;
    agent?.destroy();
    return { statuses, medianMs: quantile(took, 0.5) };
  },
});

async function view(...args) {
  while (!stopped) await send(...args);
}

function send(url, key, { method, body }, hangUp) {
  const text = body && JSON.stringify(body);
  const headers = { authorization: `Bearer ${key}`, ...(text && { 'content-type': 'application/json' }) };
  const begun = performance.now();
  return new Promise((resolve) => {
    const sending = request(url, { agent, method, headers }, (response) => {
      statuses[response.statusCode] = (statuses[response.statusCode] ?? 0) + 1;
      if (response.statusCode === 200) took.push(performance.now() - begun);
      response.resume().on('close', resolve);
    });
    sending.on('error', () => {
      if (!stopped) statuses.closed = (statuses.closed ?? 0) + 1;
      resolve();
    });
    sending.end(text);
    if (hangUp) setTimeout(() => sending.destroy(), hangUp);
  });
}

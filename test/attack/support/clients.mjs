// Attackers that send HTTP requests. They run in processes of their own: see `Service.attack`.
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export const here = import.meta.filename;

/** After a refusal, a client waits for this long. That is four times as often as the shortest `Retry-After` allows. */
const PAUSE_AFTER_429_MS = 250;

/**
 * `count` clients, each with a connection and a key of its own, send one request after another: `requests` of them, or as many as
 * they can in `seconds`. They take turns with the `paths`.
 * - `keys`: client n uses key n, and starts again with the first one when there are fewer keys. Absent: no key.
 * - `hangUp`: each client closes its connection as soon as it has sent its request.
 * Returns how many requests got which status, and the `latencies` of successful ones in milliseconds.
 */
export async function sendRequests(args, { signal }) {
  const { port, count, first = 0, requests = Infinity, seconds, method = 'GET', paths, body, keys, hangUp } = args;
  const over = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  const agent = new Agent({ keepAlive: requests > 1 && !hangUp });
  const answers = {};
  const latencies = [];
  const client = async (nth) => {
    const headers = {
      ...(keys && { authorization: `Bearer ${keys[(first + nth) % keys.length]}` }),
      ...(body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    for (let sent = 0; sent < requests && !over.aborted; sent++) {
      const begun = performance.now();
      const path = paths[(nth + sent) % paths.length];
      const answer = await sendOnce({ port, path, method, headers, agent, signal: over }, body, hangUp);
      answers[answer] = (answers[answer] ?? 0) + 1;
      if (answer === 200) latencies.push(performance.now() - begun);
      if (answer === 429 || answer === 'refused')
        await delay(PAUSE_AFTER_429_MS, undefined, { signal: over }).catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: count }, (_, nth) => client(nth)));
  agent.destroy();
  return { answers, latencies };
}

/** The status of the response, or what happened instead of one. */
function sendOnce(options, body, hangUp) {
  return new Promise((resolve) => {
    const request = httpRequest({ host: '127.0.0.1', ...options }, (response) => {
      response
        .on('end', () => resolve(response.statusCode))
        .on('error', () => resolve('closed'))
        .resume();
    });
    request.on('error', (error) => {
      if (options.signal.aborted) resolve('no response');
      else resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'closed');
    });
    if (hangUp) request.on('finish', () => setImmediate(() => (request.destroy(), resolve('hung up'))));
    request.end(body);
  });
}

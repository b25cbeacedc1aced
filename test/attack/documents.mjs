// Point 2: no answer that needs no key costs much.
import { here as clients } from './support/clients.mjs';
import { here as connections } from './support/connections.mjs';
import { countsAsText, quantile } from './support/numbers.mjs';

const SECONDS = 20;
/** The longest median of the API while strangers ask for its health, in milliseconds. */
const MAX_P50_MS = 250;

/** One request on each of many connections that are opened at once. */
const once = (id, count, paths, { quick = false } = {}) => ({
  id,
  sent: `${count} connections without a key, one GET each: ${paths.join(', ')}`,
  quick,
  async run(service) {
    const { answers } = await service.attack(clients, 'sendRequests', { count, requests: 1, seconds: SECONDS, paths });
    const faults = answers[200] || answers[304] || service.death ? [] : ['nobody got the page'];
    return { answers: countsAsText(answers), faults };
  },
});

const unread = {
  id: '2a-unread',
  sent: '2500 connections without a key, GET /docs-json, responses never read',
  async run(service) {
    const text = 'GET /docs-json HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const options = { count: 2500, text, read: false, seconds: 10 };
    const { answers } = await service.attack(connections, 'holdConnections', options);
    return { answers: countsAsText(answers) };
  },
};

const health = {
  id: '2c',
  sent: '200 clients without a key on GET /health, while an admin lists jobs',
  async run(service) {
    const list = (seconds) =>
      service.attack(clients, 'sendRequests', {
        count: 1,
        seconds,
        paths: ['/api/v1/jobs?limit=50'],
        keys: [service.keys.admin],
      });
    const before = await list(2);
    const [{ answers }, during] = await Promise.all([
      service.attack(clients, 'sendRequests', { count: 200, seconds: 6, paths: ['/health'] }),
      list(6),
    ]);
    const [from, to] = [before, during].map(({ latencies }) => quantile(latencies, 0.5));
    const fact = `the admin's p50 ${text(from)} → ${text(to)}`;
    const faults = to <= MAX_P50_MS ? [] : [`${fact}, limit ${MAX_P50_MS} ms`];
    return { answers: countsAsText(answers), facts: [fact], faults };
  },
};

const text = (ms) => (ms === undefined ? 'no response' : `${Math.round(ms)} ms`);

export const attacks = [
  once('2a', 2500, ['/docs-json'], { quick: true }),
  once('2b', 2500, ['/docs', '/docs/swagger-ui-init.js', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css']),
  unread,
  health,
];

// Point 1: nothing is read or kept for a request before its route, its key and its role are known.
import { request as httpRequest } from 'node:http';
import { here as connections } from './support/connections.mjs';
import { countsAsText } from './support/numbers.mjs';

const MIB = 2 ** 20;
const HOLD_SECONDS = 10;

/** The first lines of a request, up to the body. */
const head = (method, path, ...headers) =>
  [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');

const json = 'Content-Type: application/json';
const length = (bytes) => `Content-Length: ${bytes}`;
const bearer = (key) => `Authorization: Bearer ${key}`;

/** An attack with raw connections. `sends` returns what each connection sends, for the keys of the service. */
const held = (id, sent, count, sends, { quick = false, seconds = HOLD_SECONDS } = {}) => ({
  id,
  sent: `${count} connections, ${sent}`,
  quick,
  async run(service) {
    const { answers } = await service.attack(connections, 'holdConnections', {
      count,
      seconds,
      ...sends(service.keys),
    });
    return { answers: countsAsText(answers) };
  },
});

const withheld = () => ({ text: head('POST', '/nothing', json, length(MIB)), fillBytes: MIB - 1 });

/** Requests that are wrong in every way, on routes that are closed to the sender: the role decides before the body does. */
const closedRoutes = {
  id: '1d',
  sent: 'malformed, mistyped and oversized bodies, without a key and by a viewer, on routes of an admin',
  quick: true,
  async run(service) {
    const faults = [];
    let count = 0;
    for (const [method, path] of ADMIN_ROUTES)
      for (const body of BODIES)
        for (const [who, key, expected] of [
          ['a viewer', service.keys.viewer, 403],
          ['nobody', undefined, 401],
        ]) {
          const status = await statusOf({ port: service.port, method, path, key }, body);
          count += 1;
          if (status !== expected)
            faults.push(`${who}, ${method} ${path}, ${body.kind}: ${status} instead of ${expected}`);
        }
    const [first, ...others] = faults;
    const more = others.length > 0 ? `, and ${others.length} others` : '';
    return { answers: `${count - faults.length} of ${count} as expected`, faults: first ? [first + more] : [] };
  },
};

const ADMIN_ROUTES = [
  ['POST', '/api/v1/jobs'],
  ['PUT', '/api/v1/jobs/some-job'],
  ['PATCH', '/api/v1/jobs/some-job'],
  ['POST', '/api/v1/jobs-file'],
  ['POST', '/api/v1/scheduler/pause'],
];

const BODIES = [
  { kind: 'malformed JSON', type: 'application/json', text: '{' },
  { kind: 'another type', type: 'text/xml', text: '<a/>' },
  { kind: 'too long', type: 'application/json', text: '', bytes: 64 * MIB },
];

/** Sends the text and claims that the body has this many bytes. Returns the status, or 'no response' when none comes within two seconds. */
const statusOf = ({ key, ...options }, { type, text, bytes = text.length }) =>
  new Promise((resolve) => {
    const headers = { 'content-type': type, 'content-length': bytes, ...(key && { authorization: `Bearer ${key}` }) };
    const request = httpRequest({ host: '127.0.0.1', ...options, headers, timeout: 2_000 }, ({ statusCode }) => {
      resolve(statusCode);
      request.destroy();
    });
    request.on('error', () => resolve('no response')).on('timeout', () => request.destroy());
    request.flushHeaders();
    request.write(text);
  });

export const attacks = [
  held('1a', 'POST /nothing without a key, JSON of 1 MiB, last byte withheld', 300, withheld, { quick: true }),
  held('1a-1000', 'the same', 1000, withheld),
  held('1b', "POST /api/v1/jobs-file with a viewer's key, YAML of 16 MiB, last byte withheld", 300, ({ viewer }) => ({
    text: head('POST', '/api/v1/jobs-file', bearer(viewer), 'Content-Type: application/yaml', length(16 * MIB)),
    fillBytes: 16 * MIB - 1,
  })),
  held(
    '1b-open',
    "POST /triggers/preview with a viewer's key, JSON of 1 MiB, last byte withheld",
    500,
    ({ viewer }) => ({
      text: head('POST', '/api/v1/triggers/preview', bearer(viewer), json, length(MIB)),
      fillBytes: MIB - 1,
    }),
  ),
  held('1c-chunked', 'POST /nothing without a key, a chunk of 4 KiB every 100 ms without end', 300, () => ({
    text: head('POST', '/nothing', json, 'Transfer-Encoding: chunked'),
    repeat: `1000\r\n${' '.repeat(4096)}\r\n`,
  })),
  held('1c-headers', 'one header every 200 ms without end', 1000, () => ({
    text: 'GET /health HTTP/1.1\r\nHost: localhost\r\n',
    repeat: `X-Header-${'x'.repeat(100)}: 1\r\n`,
    everyMs: 200,
  })),
  held('1c-pipelined', '500 × GET /docs-json at once on each, responses never read', 50, () => ({
    text: head('GET', '/docs-json').repeat(500),
    read: false,
  })),
  held('1c-silent', 'nothing is sent', 2000, () => ({ text: '' }), { seconds: 8 }),
  closedRoutes,
];

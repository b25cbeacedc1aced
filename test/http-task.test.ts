import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import zlib, { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { NameResolver } from '../src/core/dns/name-resolver.js';
import type { Environment } from '../src/config/environment.js';
import { httpInput } from '../src/tasks/http-input.js';
import { Metrics } from '../src/metrics/metrics.js';
import { HttpTask } from '../src/tasks/http.task.js';
import { eventually } from './support/eventually.js';
import { TestNameServer } from './support/name-server.js';
import { runContext } from './support/run-context.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let base: string;
let answer: Answer;
/** Knows only the names of the test that is running. */
let nameServer: TestNameServer;
let names: NameResolver;
beforeEach(async () => {
  nameServer = await TestNameServer.start({});
  names = new NameResolver(await nameServer.files());
});
afterEach(() => nameServer.stop());
beforeAll(async () => {
  server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

const run = (input: object, context = runContext(), environment: Partial<Environment> = {}) =>
  new HttpTask({ HOST: '127.0.0.1', HTTP_TASK_ALLOWED_HOSTS: undefined, ...environment }, new Metrics(), names).run(
    httpInput.parse({ url: base, ...input }),
    context,
  );

/** Responds with 204, and resolves to the headers of the request. */
const listen = () =>
  new Promise<IncomingMessage['headers']>((resolve) => {
    answer = ({ headers }, response) => {
      response.writeHead(204).end();
      resolve(headers);
    };
  });

const answering =
  (status: number, type: string, body: string | Buffer): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(body);
  };

describe('task http', () => {
  it('sends headers that identify its run', async () => {
    const asked = listen();
    await expect(run({})).resolves.toEqual({ status: 204, headers: {}, body: null });
    expect(await asked).toMatchObject({
      'idempotency-key': 'billing.nightly/2026-03-01T02:30:00.000Z',
      'cronzimus-job': 'billing.nightly',
      'cronzimus-run': '01989f3e-7a10-7cc0-8000-00000000000a',
      'cronzimus-scheduled-at': '2026-03-01T02:30:00.000Z',
      'cronzimus-attempt': '2',
      'user-agent': expect.stringMatching(/^Cronzimus\/\d/),
    });
  });

  it('sends the idempotency key of its run', async () => {
    const asked = listen();
    await run({}, runContext({ run: { id: 'r1', kind: 'retry', idempotencyKey: 'billing.nightly/first' } }));
    expect((await asked)['idempotency-key']).toBe('billing.nightly/first');
  });

  it("sends the user's key and agent instead of its own", async () => {
    const asked = listen();
    await run({ headers: { 'idempotency-key': 'mine-{{run.attempt}}', 'user-agent': 'x' } });
    expect(await asked).toMatchObject({ 'idempotency-key': 'mine-2', 'user-agent': 'x' });
  });

  it.each([
    ['a text', 'Hello {{job.name}}', {}, 'text/plain;charset=UTF-8', 'Hello billing.nightly'],
    ['other JSON', { at: ['{{run.scheduledAt}}'] }, {}, 'application/json', '{"at":["2026-03-01T02:30:00.000Z"]}'],
    ['null', null, {}, 'application/json', 'null'],
    ['a text of a named type', '<a/>', { 'content-type': 'application/xml' }, 'application/xml', '<a/>'],
  ])('sends %s as a body', async (_case, body, headers, type, sent) => {
    answer = (request, response) => {
      void text(request).then((received) =>
        response
          .setHeader('content-type', 'application/json')
          .end(JSON.stringify({ type: request.headers['content-type'], url: request.url, received })),
      );
    };
    const { body: echo } = await run({ method: 'POST', url: `${base}/{{job.name}}`, headers, body });
    expect(echo).toEqual({ type, url: '/billing.nightly', received: sent });
  });

  it.each([
    ['JSON', 'application/json', '{"a":[1]}', { a: [1] }],
    [
      'the numbers of JSON that would change, as text,',
      'application/json',
      '{"id":9007199254740993,"ids":[-12345678901234567890,1e400,7],"at":0.1}',
      { id: '9007199254740993', ids: ['-12345678901234567890', '1e400', 7], at: 0.1 },
    ],
    ['JSON of another name', 'application/problem+json; charset=utf-8', '{"a":1}', { a: 1 }],
    ['invalid JSON', 'application/json', '{"a":', '{"a":'],
    ['JSON that cannot be stored', 'application/json', '{"a":"\\u0000"}', '{"a":"\\u0000"}'],
    ['a text', 'text/plain', 'grüße', 'grüße'],
    ['a text in Latin-1', 'text/plain; charset=iso-8859-1', Buffer.from('grüße', 'latin1'), 'grüße'],
    ['an image', 'image/png', Buffer.from([137, 80, 78, 71, 0]), '5 bytes of image/png, which are not text'],
    ['nothing', 'text/plain', '', null],
  ])('keeps %s', async (_case, type, body, kept) => {
    answer = answering(200, type, body);
    await expect(run({})).resolves.toEqual({ status: 200, headers: { 'content-type': type }, body: kept });
  });

  it('reads 16 KiB of an endless response and closes the connection', async () => {
    let closed = false;
    answer = (_request, response) => {
      response.setHeader('content-type', 'application/json');
      const write = () => {
        while (response.write('é'.repeat(1000)));
      };
      response.on('drain', write).on('close', () => (closed = true));
      write();
    };
    const { body, truncated } = await run({});
    expect(body).toBe('é'.repeat(8192));
    expect(truncated).toBe(true);
    await eventually(() => expect(closed).toBe(true));
  });

  it('sends the length of the body of a DELETE', async () => {
    const asked = listen();
    await run({ method: 'DELETE', body: 'grüße' });
    expect(await asked).toMatchObject({ 'content-length': '7' });
  });

  it.each<[encoding: string, packed: Buffer]>([
    ['gzip', gzipSync('grüße')],
    ['x-gzip', gzipSync('grüße')],
    ['br', brotliCompressSync('grüße')],
    ['deflate', deflateSync('grüße')],
    ['Deflate', deflateRawSync('grüße')],
    ['identity', Buffer.from('grüße')],
    ['gzip, br', brotliCompressSync(gzipSync('grüße'))],
    ...('zstdCompressSync' in zlib ? [['zstd', zlib.zstdCompressSync('grüße')] as [string, Buffer]] : []),
  ])('unpacks %s', async (encoding, packed) => {
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(packed);
    await expect(run({})).resolves.toMatchObject({ body: 'grüße' });
    await expect(run({ method: 'HEAD' })).resolves.toMatchObject({ body: null });
  });

  it.each(['compress', 'constructor', 'gzip, gzip, gzip, gzip', 'gzip, compress'])(
    'leaves a body in an encoding that it does not know as it is: %s',
    async (encoding) => {
      answer = (_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end('plain');
      await expect(run({})).resolves.toMatchObject({ body: 'plain' });
    },
  );

  it('reads 16 KiB of a small response that unpacks to more', async () => {
    const zipped = gzipSync(Buffer.alloc(50_000_000, 'a'));
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(zipped);
    await expect(run({})).resolves.toMatchObject({ body: 'a'.repeat(16_384), truncated: true });
  });

  it.each([429, 503])('reports how long a server asks to wait with %s', async (status) => {
    answer = (_request, response) => response.writeHead(status, { 'retry-after': '90' }).end();
    await expect(run({})).rejects.toMatchObject({ code: 'HTTP_STATUS', retryAfterSeconds: 90 });
  });

  it('fails with the status and the beginning of the body', async () => {
    answer = answering(500, 'text/plain', `out of order ${'x'.repeat(5000)}`);
    const failure = run({ method: 'PUT', url: `${base}/a?key=secret` });
    await expect(failure).rejects.toMatchObject({
      code: 'HTTP_STATUS',
      message: `PUT ${base}/a returned 500 instead of a 2xx: out of order ${'x'.repeat(1024 - 13)}`,
    });
  });

  it.each([
    [404, 404, true],
    [404, [200, 404], true],
    [200, 404, false],
    [201, [200, 404], false],
  ])('with status %s where %j was expected: succeeds is %s', async (status, expectStatus, succeeds) => {
    answer = answering(status, 'text/plain', 'x');
    const outcome = run({ expectStatus }).then(
      () => true,
      (error: { code: string }) => error.code !== 'HTTP_STATUS',
    );
    expect(await outcome).toBe(succeeds);
  });

  it.each([
    [301, 301],
    [302, 302],
    [303, [200, 303]],
    [307, [307, 308]],
    [308, 308],
  ])('does not follow a redirect with %s where %j is expected', async (status, expectStatus) => {
    const asked: (string | undefined)[] = [];
    answer = ({ url }, response) => {
      asked.push(url);
      response.writeHead(status, { location: 'ftp://elsewhere.example/' }).end('moved');
    };
    await expect(run({ method: 'POST', body: 'x', expectStatus })).resolves.toMatchObject({ status, body: 'moved' });
    expect(asked).toEqual(['/']);
  });

  it('follows redirects with other statuses up to the expected one', async () => {
    answer = ({ url }, response) => {
      if (url === '/') response.writeHead(307, { location: '/next' }).end();
      else response.writeHead(302, { location: '/last' }).end('here');
    };
    await expect(run({ expectStatus: [302] })).resolves.toMatchObject({ status: 302, body: 'here' });
    await expect(run({ expectStatus: 307 })).resolves.toMatchObject({ status: 307 });
  });

  it('follows redirects, and drops Authorization for another origin', async () => {
    const seen: (string | undefined)[] = [];
    answer = ({ url, headers }, response) => {
      seen.push(headers.authorization);
      if (url === '/') response.writeHead(302, { location: base.replace('127.0.0.1', 'localhost') + '/there' }).end();
      else response.end('arrived');
    };
    await expect(run({ headers: { authorization: 'Bearer x' } })).resolves.toMatchObject({ body: 'arrived' });
    expect(seen).toEqual(['Bearer x', undefined]);
  });

  it('fails after too many redirects', async () => {
    answer = (_request, response) => response.writeHead(302, { location: '/' }).end();
    await expect(run({})).rejects.toMatchObject({ code: 'HTTP_FAILED', message: expect.stringMatching(/redirect/) });
  });

  it('reports the cause when the server cannot be reached', async () => {
    const { port } = new URL(base);
    const dead = createServer().listen(0, '127.0.0.1');
    await once(dead, 'listening');
    const url = base.replace(port, String((dead.address() as AddressInfo).port));
    dead.close();
    await once(dead, 'close');
    await expect(run({ url })).rejects.toMatchObject({
      code: 'HTTP_FAILED',
      message: `GET ${url}/ failed: connect ECONNREFUSED ${new URL(url).host}`,
    });
    await expect(run({ url: 'http://nobody.invalid/' })).rejects.toMatchObject({
      message: expect.stringContaining(
        'nobody.invalid/ failed: "nobody.invalid" cannot be resolved: there is no such name',
      ),
    });
  });

  it('fails when the response breaks off', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setImmediate(() => response.destroy());
    };
    await expect(run({})).rejects.toMatchObject({ code: 'HTTP_FAILED' });
  });

  it.each(['before the response', 'within the response'])('fails with the reason of its signal %s', async (when) => {
    const stop = new AbortController();
    const reason = new Error('time is over');
    answer = (_request, response) => {
      if (when === 'within the response') response.write('x');
      setImmediate(() => stop.abort(reason));
    };
    await expect(run({}, runContext({ signal: stop.signal }))).rejects.toBe(reason);
  });
});

const at = (host: string) => base.replace('127.0.0.1', host);

describe('task http connects to', () => {
  const refusal = { code: 'ADDRESS_REFUSED' };
  let requests = 0;
  beforeEach(() => {
    requests = 0;
    answer = (_request, response) => {
      requests += 1;
      response.end('here');
    };
  });
  it.each([
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '169.254.43518',
    '169.254.169.254.',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::169.254.169.254]',
    '[fe80::1]',
    '0.0.0.0',
    '0',
    '[::]',
  ])('no link-local or unspecified address: %s', async (host) => {
    await expect(run({ url: at(host) })).rejects.toMatchObject(refusal);
    expect(requests).toBe(0);
  });

  it('no refused address that a redirect leads to', async () => {
    answer = (_request, response) => response.writeHead(307, { location: 'http://2852039166/latest/' }).end();
    await expect(run({})).rejects.toMatchObject({ ...refusal, message: expect.stringContaining('169.254.169.254') });
  });

  it('no refused address that a name resolves to', async () => {
    nameServer.zone = { 'harmless.example': ['169.254.169.254'] };
    await expect(run({ url: at('harmless.example') })).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining('"harmless.example", which resolves to 169.254.169.254'),
    });
  });

  it('the address that was checked: the name is not resolved a second time', async () => {
    nameServer.zone = { 'harmless.example': ['127.0.0.1'] };
    await expect(run({ url: at('harmless.example') })).resolves.toMatchObject({ body: 'here' });
    expect(nameServer.asked).toEqual(expect.arrayContaining(['harmless.example A', 'harmless.example AAAA']));
    expect(nameServer.asked).toHaveLength(2);
  });

  it('the allowed addresses of a name', async () => {
    nameServer.zone = { 'harmless.example': ['169.254.169.254', 'fe80::1', '127.0.0.1'] };
    await expect(run({ url: at('harmless.example') })).resolves.toMatchObject({ body: 'here' });
  });

  it.each(['127.0.0.1', 'localhost', '2130706433', '127.1', '[::ffff:127.0.0.1]'])(
    'no loopback unless HOST is loopback: %s',
    async (host) => {
      await expect(run({ url: at(host) }, runContext(), { HOST: '0.0.0.0' })).rejects.toMatchObject(refusal);
      expect(requests).toBe(0);
    },
  );

  it('only what HTTP_TASK_ALLOWED_HOSTS names, when it is set', async () => {
    const limit = { HTTP_TASK_ALLOWED_HOSTS: ['localhost'] };
    await expect(run({ url: at('localhost') }, runContext(), limit)).resolves.toMatchObject({ body: 'here' });
    await expect(run({ url: base }, runContext(), limit)).rejects.toMatchObject(refusal);
    answer = (_request, response) => response.writeHead(302, { location: base }).end();
    await expect(run({ url: at('localhost') }, runContext(), limit)).rejects.toMatchObject(refusal);
  });
});

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import zlib, { gzipSync } from 'node:zlib';
import { NameResolver } from '../src/core/dns/name-resolver.js';
import { Metrics } from '../src/metrics/metrics.js';
import { httpInput } from '../src/tasks/http-input.js';
import { HttpTask } from '../src/tasks/http.task.js';
import { eventually } from './support/eventually.js';
import { runContext } from './support/run-context.js';

type Behaviour = (socket: Socket) => void;

let server: Server;
let base: string;
let behaviour: Behaviour;
const sockets = new Set<Socket>();
beforeAll(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined));
    socket.once('data', () => behaviour(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  // The task destroys its socket, whatever the server does.
  await eventually(() => {
    const open = [...sockets].filter((socket) => !socket.readableEnded).length;
    if (open > 0) throw new Error(`${open} sockets are open`);
  });
  for (const socket of sockets) socket.destroy();
});
afterAll(() => {
  server.close();
});

const run = (input: object = {}, signal = new AbortController().signal) =>
  new HttpTask({ HOST: '127.0.0.1', HTTP_TASK_ALLOWED_HOSTS: undefined }, new Metrics(), new NameResolver()).run(
    httpInput.parse({ url: base, ...input }),
    runContext({ signal }),
  );

/** A port whose queue of connections is full and whose process accepts none, so that no further connection is made. */
async function fullListener() {
  const script = `const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const waiting: Socket[] = [];
  const close = () => {
    for (const socket of waiting) socket.destroy();
    child.kill('SIGKILL');
  };
  for (let connected = true; connected;) {
    if (waiting.length > 20) throw new Error('the queue of connections does not fill');
    const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
    waiting.push(socket);
    connected = await Promise.race([once(socket, 'connect').then(() => true), setTimeout(500, false)]);
  }
  return { port: Number(port), close };
}

const OK = 'HTTP/1.1 200 OK\r\n';

/** Sends `text` again and again, as fast as the task reads it. */
const endlessly =
  (head: string, text: string | Buffer): Behaviour =>
  (socket) => {
    socket.write(head, 'latin1');
    const write = () => {
      while (!socket.destroyed && socket.write(text));
    };
    socket.on('drain', write).resume();
    write();
  };

/** Sends `head`, and then a byte from time to time. */
const trickling =
  (head: string): Behaviour =>
  (socket) => {
    socket.write(head);
    const timer = setInterval(() => socket.write('x'), 5);
    socket.on('close', () => clearInterval(timer)).resume();
  };

const sending =
  (text: string): Behaviour =>
  (socket) =>
    socket.resume().write(text);

describe('the task http fails at once, and closes its connection, when the server', () => {
  it.each<[string, Behaviour, RegExp]>([
    [
      'switches protocols',
      sending('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'),
      /responded with 101.*ordinary response/,
    ],
    [
      'switches protocols without saying to which',
      sending('HTTP/1.1 101 \r\n\r\n'),
      /responded with 101.*ordinary response/,
    ],
    ['sends something other than HTTP', sending('hello\r\n\r\n'), /Parse Error|Expected HTTP/],
    ['sends headers without an end', endlessly(OK, 'x-a: 1234567890\r\n'), /Header overflow/i],
    ['sends one header without an end', endlessly(`${OK}x-a: `, 'x'.repeat(1000)), /Header overflow/i],
    [
      'sends trailers without an end',
      endlessly(`${OK}transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n`, 'x-a: 1234567890\r\n'),
      /aborted/,
    ],
    [
      'sends chunk extensions without an end',
      endlessly(`${OK}transfer-encoding: chunked\r\n\r\n1;`, 'x'.repeat(1000)),
      /aborted/,
    ],
    ['closes without a response', (socket) => socket.end(), /socket hang up/],
    ['closes within the headers', (socket) => socket.end(OK), /socket hang up|closed/],
    ['closes within the body', (socket) => socket.end(`${OK}content-length: 9\r\n\r\nhalf`), /aborted/],
    [
      'sends packed data that never unpacks to anything',
      endlessly(`${OK}content-encoding: gzip\r\n\r\n`, gzipSync('')),
      /1 MiB of gzip/,
    ],
    [
      'sends empty blocks of packed data without an end',
      endlessly(
        `${OK}content-encoding: gzip\r\n\r\n${gzipSync('').toString('latin1', 0, 10)}`,
        Buffer.from('000000ffff', 'hex'),
      ),
      /1 MiB of gzip/,
    ],
  ])('%s', async (_case, given, message) => {
    behaviour = given;
    await expect(run()).rejects.toMatchObject({ code: 'HTTP_FAILED', message: expect.stringMatching(message) });
  });
});

/** Each encoding of a text that fits into what a run keeps. */
const PACKED: [encoding: string, packed: Buffer][] = [
  ['gzip', zlib.gzipSync(randomBytes(6_000).toString('hex'))],
  ['deflate', zlib.deflateSync(randomBytes(6_000).toString('hex'))],
  ['deflate', zlib.deflateRawSync(randomBytes(6_000).toString('hex'))],
  ['br', zlib.brotliCompressSync(randomBytes(6_000).toString('hex'))],
  ['gzip, br', zlib.brotliCompressSync(zlib.gzipSync(randomBytes(6_000).toString('hex')))],
  ...('zstdCompressSync' in zlib
    ? [['zstd', zlib.zstdCompressSync(randomBytes(6_000).toString('hex'))] as [string, Buffer]]
    : []),
];

describe('the task http fails when packed data is cut short by the end of the connection', () => {
  it.each(PACKED)('%s', async (encoding, packed) => {
    const cuts = [0, 1, 2, 10, 11, Math.floor(packed.length / 2), packed.length - 4, packed.length - 1];
    for (const cut of cuts) {
      behaviour = (socket) => {
        socket.resume().write(`${OK}content-encoding: ${encoding}\r\n\r\n`);
        socket.end(packed.subarray(0, cut));
      };
      await expect(run().catch((error: unknown) => error)).resolves.toMatchObject({
        code: 'HTTP_FAILED',
        message: expect.stringMatching(/cut short: its .* data is not complete/),
      });
    }
    behaviour = (socket) => {
      socket.resume().write(`${OK}content-encoding: ${encoding}\r\n\r\n`);
      socket.end(packed);
    };
    await expect(run()).resolves.toMatchObject({ status: 200, body: expect.stringMatching(/^[0-9a-f]{12000}$/) });
  });

  it.each(['200 OK\r\ncontent-length: 0', '200 OK\r\ntransfer-encoding: chunked\r\n\r\n0', '204 No Content'])(
    'but not when the response is complete without a body: %s',
    async (head) => {
      const [line, ...rest] = head.split('\r\n');
      behaviour = (socket) =>
        socket.resume().end(`HTTP/1.1 ${[line, 'content-encoding: gzip', ...rest].join('\r\n')}\r\n\r\n`);
      await expect(run()).resolves.toMatchObject({ body: null });
    },
  );
});

describe('the task http ends at its signal, and closes its connection, when the server', () => {
  it.each<[string, Behaviour]>([
    ['says nothing', (socket) => socket.resume()],
    ['sends 100 without an end', endlessly('', 'HTTP/1.1 100 Continue\r\n\r\n')],
    ['sends 102 without an end', endlessly('', 'HTTP/1.1 102 Processing\r\n\r\n')],
    ['sends 103 without an end', endlessly('', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')],
    ['sends its headers slowly', trickling(`${OK}x-a: `)],
    ['sends its body slowly', trickling(`${OK}\r\n`)],
    ['sends a packed body slowly', trickling(`${OK}content-encoding: gzip\r\n\r\n`)],
    ['sends less than it has announced', sending(`${OK}content-length: 100\r\n\r\nhalf`)],
    ['never ends a chunked body', sending(`${OK}transfer-encoding: chunked\r\n\r\n1\r\na\r\n`)],
    ['starts trailers and stops', sending(`${OK}transfer-encoding: chunked\r\n\r\n0\r\nx-a: `)],
  ])('%s', async (_case, given) => {
    const stop = new AbortController();
    const reason = new Error('time is over');
    behaviour = (socket) => {
      given(socket);
      setImmediate(() => setImmediate(() => stop.abort(reason)));
    };
    await expect(run({}, stop.signal)).rejects.toBe(reason);
  });

  it('accepts no connection', async () => {
    const stop = new AbortController();
    const reason = new Error('time is over');
    const full = await fullListener();
    setImmediate(() => stop.abort(reason));
    try {
      await expect(run({ url: `http://127.0.0.1:${full.port}/` }, stop.signal)).rejects.toBe(reason);
    } finally {
      full.close();
    }
  });

  it('never completes the TLS handshake', async () => {
    const stop = new AbortController();
    const reason = new Error('time is over');
    behaviour = (socket) => {
      socket.resume();
      stop.abort(reason);
    };
    await expect(run({ url: base.replace('http', 'https') }, stop.signal)).rejects.toBe(reason);
  });
});

it('the task http closes a connection whose server responds without reading the request', async () => {
  behaviour = (socket) => {
    socket.pause();
    socket.write(`${OK}content-length: 2\r\n\r\nok`);
  };
  await expect(run({ method: 'POST', body: 'x'.repeat(8_000_000) })).resolves.toMatchObject({ body: 'ok' });
  for (const socket of sockets) socket.resume();
});

describe('a redirect to another origin', () => {
  it.each([
    [307, 'POST'],
    [308, 'PATCH'],
    [301, 'PUT'],
    [302, 'DELETE'],
  ])('with %i never carries the body of a %s along', async (status, method) => {
    const received: string[] = [];
    const other = createHttpServer((request, response) => {
      received.push(request.method!);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const origin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      behaviour = (socket) => socket.end(`HTTP/1.1 ${status} x\r\nlocation: ${origin}/there?token=abc\r\n\r\n`);
      await expect(run({ method, body: { key: 'secret' } })).rejects.toMatchObject({
        code: 'HTTP_FAILED',
        message: expect.stringMatching(
          new RegExp(`redirected with ${status} to another origin, ${origin}, .*in the url of the job`),
        ),
      });
      await expect(run({ method, body: { key: 'secret' } })).rejects.not.toMatchObject({
        message: expect.stringMatching(/token=abc/),
      });
      expect(received).toEqual([]);
      // Without a body, and with 303, nothing of the input goes along.
      await expect(run({ method })).resolves.toMatchObject({ status: 200 });
      behaviour = (socket) => socket.end(`HTTP/1.1 303 x\r\nlocation: ${origin}/\r\n\r\n`);
      await expect(run({ method, body: { key: 'secret' } })).resolves.toMatchObject({ status: 200 });
      expect(received).toEqual([method, 'GET']);
    } finally {
      other.close();
      other.closeAllConnections();
    }
  });
});

import type { IncomingMessage, ServerResponse } from 'node:http';
import { get } from 'node:http';
import { gzipSync } from 'node:zlib';
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Public, Role } from '../src/auth/role.decorator.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { RawRequest } from './support/raw-request.js';
import { scrape } from './support/scrape.js';

const JSON_TYPE = 'application/json';
const MIB = 2 ** 20;
const KEYS = { admin: 'key-of-admin-0123456789', viewer: 'key-of-viewer-0123456789', other: 'key-of-other-0123456789' };
const API_KEYS = `admin:admin:${KEYS.admin},viewer:viewer:${KEYS.viewer},other:viewer:${KEYS.other}`;
const bearer = (name: keyof typeof KEYS) => ({ Authorization: `Bearer ${KEYS[name]}` });

/** Handlers of /held that wait, by the name in their path. */
const waiting = new Map<string, () => void>();
let handled: string[] = [];

/** A controller of a user, at paths of their own. */
@Controller('own')
class OwnController {
  @Post('admin')
  @Role('admin')
  admin(@Body() body: unknown) {
    return { body };
  }

  @Post('closed')
  closed(@Body() body: unknown) {
    return { body };
  }

  @Post('open')
  @Public()
  open(@Body() body: unknown) {
    return { body };
  }

  @Get('held/:name')
  @Role('viewer')
  async held(@Param('name') name: string) {
    handled.push(name);
    await new Promise<void>((resolve) => waiting.set(name, resolve));
    return { name };
  }
}

@Module({ controllers: [OwnController] })
class OwnModule {}

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

let app: NestExpressApplication;
let url: string;
const requests: RawRequest[] = [];
async function givenService(variables: Record<string, string> = {}): Promise<void> {
  app = await createTestApplication(database.url, { API_KEYS, ...variables }, [OwnModule]);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
}
function open(localAddress?: string): RawRequest {
  const request = new RawRequest(url, localAddress);
  requests.push(request);
  return request;
}
afterEach(async () => {
  for (const finish of waiting.values()) finish();
  for (const request of requests.splice(0)) request.close();
  app.getHttpServer().closeAllConnections();
  await app.close();
  waiting.clear();
  handled = [];
});

describe('a body of a client to whom the route is closed', () => {
  beforeEach(() => givenService());

  it.each<[string, string, string, Record<string, string | number>, number, string]>([
    ['an unknown path', 'POST', '/nothing', {}, 404, 'NOT_FOUND'],
    ['a method that the path does not have', 'POST', '/health', {}, 404, 'NOT_FOUND'],
    ['an unknown path of the API, without a key', 'POST', '/api/v1/nothing', {}, 401, 'NO_KEY'],
    ['an unknown path of the API', 'POST', '/api/v1/nothing', bearer('viewer'), 404, 'NOT_FOUND'],
    ['no key', 'POST', '/api/v1/jobs', {}, 401, 'NO_KEY'],
    ['a wrong key', 'POST', '/api/v1/jobs', { Authorization: 'Bearer wrong-0123456789-wrong' }, 401, 'WRONG_KEY'],
    ['a role that is too low', 'POST', '/api/v1/jobs', bearer('viewer'), 403, 'ROLE_TOO_LOW'],
    ['a role that is too low for a jobs file', 'POST', '/api/v1/jobs-file', bearer('viewer'), 403, 'ROLE_TOO_LOW'],
    ['no key, on a route of a user', 'POST', '/own/admin', {}, 401, 'NO_KEY'],
    ['a role that is too low, on a route of a user', 'POST', '/own/admin', bearer('viewer'), 403, 'ROLE_TOO_LOW'],
    ['a route of a user without a role', 'POST', '/own/closed', bearer('admin'), 403, 'ROUTE_CLOSED'],
    ['a page of the documentation', 'GET', '/docs', {}, 200, 'Cronzimus'],
  ])('is not read: %s', async (_case, method, path, headers, status, code) => {
    const bytesRead: number[] = [];
    app
      .getHttpServer()
      .prependListener('request', ({ socket }: IncomingMessage, response) =>
        response.once('finish', () => bytesRead.push(socket.bytesRead)),
      );
    const length = 16 * MIB;
    const request = open().head(method, path, { 'Content-Type': JSON_TYPE, 'Content-Length': length, ...headers });
    request.send(' '.repeat(length - 1));
    const response = await request.response();
    expect(response.status).toBe(status);
    expect(response.text).toContain(code);
    // What the socket read ahead, and not the body.
    expect(bytesRead[0]).toBeLessThan(MIB);
    await request.closed;
  });

  it.each<[string, string, Record<string, string | number>, number, string]>([
    [
      'too long',
      '/api/v1/triggers/preview',
      { 'Content-Type': JSON_TYPE, 'Content-Length': MIB + 1 },
      413,
      'PAYLOAD_TOO_LARGE',
    ],
    [
      'of a wrong type',
      '/api/v1/triggers/preview',
      { 'Content-Type': 'text/plain', 'Content-Length': 9 },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'too long, on an open route',
      '/own/open',
      { 'Content-Type': JSON_TYPE, 'Content-Length': MIB + 1 },
      413,
      'PAYLOAD_TOO_LARGE',
    ],
  ])('is not read when its headers are wrong: %s', async (_case, path, headers, status, code) => {
    const request = open().head('POST', path, { ...headers, ...bearer('viewer') });
    const response = await request.response();
    expect(response.status).toBe(status);
    expect(response.text).toContain(code);
    await request.closed;
  });

  it.each<[keyof typeof KEYS, number, string]>([
    ['viewer', 403, 'ROLE_TOO_LOW'],
    ['admin', 400, 'MALFORMED_JSON'],
  ])('is refused before it is parsed: malformed JSON of the key %s', async (key, status, code) => {
    for (const path of ['/api/v1/jobs', '/own/admin']) {
      const headers = { 'Content-Type': JSON_TYPE, ...bearer(key) };
      const response = await fetch(url + path, { method: 'POST', body: '{', headers });
      expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ code })]);
    }
  });

  it('does not keep the next request of the connection from being served when it arrives in full', async () => {
    const request = open().head('POST', '/nothing', { 'Content-Type': JSON_TYPE, 'Content-Length': 2 });
    await request.response();
    request.send('{}').head('GET', '/health/live');
    await eventually(async () => expect((await request.response()).text).toContain('"process":{"status":"up"}'));
  });
});

it('reads the body of an open route of a user', async () => {
  await givenService();
  const init = { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': JSON_TYPE } };
  expect(await (await fetch(`${url}/own/open`, init)).json()).toEqual({ body: { a: 1 } });
});

describe('the bytes of all bodies', () => {
  const small = '{"trigger":{"type":"interval","everySeconds":60}}';
  const large = '{}'.padEnd(0.75 * MIB);
  const headers = { 'Content-Type': JSON_TYPE, ...bearer('admin') };
  const post = (body: string | Buffer<ArrayBuffer>, more = {}) =>
    fetch(`${url}/own/admin`, { method: 'POST', body, headers: { ...headers, ...more } });
  beforeEach(() => givenService({ HTTP_MAX_BODY_BYTES: String(MIB) }));

  it('are limited: a body over the limit is refused before it is read, and accepted when the others have ended', async () => {
    const held = open().head('POST', '/own/open', { 'Content-Type': JSON_TYPE, 'Content-Length': 0.75 * MIB });
    await eventually(async () => {
      const refused = open().head('POST', '/own/open', { 'Content-Type': JSON_TYPE, 'Content-Length': 0.75 * MIB });
      const { status, text } = await refused.response();
      expect(status).toBe(503);
      expect(text).toContain('TOO_MANY_BODY_BYTES');
      expect(text).toMatch(/retry-after: \d/i);
    });
    expect((await post(small)).status).toBe(201);
    held.close();
    await eventually(async () => expect((await post(large)).status).toBe(201));
  });

  it('count as they arrive when the length is unknown', async () => {
    const chunked = { 'Content-Type': JSON_TYPE, 'Transfer-Encoding': 'chunked' };
    let held = open();
    await eventually(async () => {
      // A probe that comes first may leave it too little.
      held.close();
      held = open()
        .head('POST', '/own/open', chunked)
        .chunk(' '.repeat(0.75 * MIB));
      // Gives the chunk the time to arrive first.
      await post(small);
      expect((await post(large)).status).toBe(503);
    });
    const second = open().head('POST', '/own/open', chunked);
    second.chunk(' '.repeat(0.5 * MIB));
    expect(await second.response()).toMatchObject({ status: 503 });
    await second.closed;
    held.close();
    await eventually(async () => expect((await post(large)).status).toBe(201));
  });

  it('count as the largest body of the route when they are compressed', async () => {
    const zipped = gzipSync(small);
    expect((await post(zipped, { 'Content-Encoding': 'gzip' })).status).toBe(201);
    open().head('POST', '/own/open', { 'Content-Type': JSON_TYPE, 'Content-Length': 1000 });
    await eventually(async () => expect((await post(zipped, { 'Content-Encoding': 'gzip' })).status).toBe(503));
  });

  it('are released by every kind of end', async () => {
    const long = { 'Content-Type': JSON_TYPE, 'Content-Length': 0.75 * MIB };
    for (let time = 0; time < 5; time += 1) {
      await eventually(async () => expect((await post(large)).status).toBe(201));
      const [gone, pipelined] = [open().head('POST', '/own/open', long), open()];
      // The second request on a connection has no response of its own when the connection closes.
      pipelined
        .head('GET', '/own/held/first', bearer('other'))
        .head('POST', '/own/open', { ...long, 'Content-Length': 9 });
      await eventually(() => expect(handled).toContain('first'));
      gone.close();
      pipelined.close();
      waiting.get('first')?.();
      handled = [];
    }
  });
});

it('a body that makes no progress is refused with 408, and its connection is closed', async () => {
  await givenService();
  const request = open().head('POST', '/own/open', { 'Content-Type': JSON_TYPE, 'Content-Length': 100 }).send('{');
  const { status, text } = await request.response();
  expect(status).toBe(408);
  expect(text).toContain('BODY_TOO_SLOW');
  await request.closed;
});

it('a connection whose headers do not arrive is closed', async () => {
  await givenService();
  const [silent, slow] = [open(), open().send('GET /health/live HTTP/1.1\r\nHost: local')];
  await expect(Promise.all([silent.closed, slow.closed])).resolves.toHaveLength(2);
});

const statusFor = (localAddress: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    get(`${url}/health/live`, { localAddress, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });

const connections = () =>
  new Promise<number>((resolve) => app.getHttpServer().getConnections((_error, count) => resolve(count)));

const closedFor = async (reason: string) =>
  (await scrape(url))
    .get('cronzimus_http_connections_closed_total')!
    .samples.find(({ labels }) => labels['reason'] === reason)!.value;

// Other systems do not have the whole network 127.0.0.0/8 by default.
const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;
describeOnLinux('connections beyond HTTP_MAX_CONNECTIONS', () => {
  it('that are only held open give way to new ones, of the client with the most first', async () => {
    await givenService({ HTTP_MAX_CONNECTIONS: '10', METRICS_PUBLIC: 'true' });
    const busy = open('127.0.0.3').head('GET', '/own/held/a', bearer('viewer'));
    await eventually(() => expect(waiting.has('a')).toBe(true));
    const [silent, slow] = [open(), open().send('GET /health/live HTTP/1.1\r\nHost: local')];
    for (let count = 2; count < 7; count += 1) open();
    for (const held of [silent, slow]) {
      open();
      await eventually(() => expect(connections()).resolves.toBe(9));
      expect(await statusFor('127.0.0.1')).toBe(200);
      await held.closed;
    }
    expect(await closedFor('client')).toBeGreaterThanOrEqual(2);
    for (let count = 0; count < 9; count += 1) open();
    open('127.0.0.4');
    await eventually(() => expect(connections()).resolves.toBe(10));
    expect(await statusFor('127.0.0.2')).toBe(200);
    expect(await closedFor('all')).toBeGreaterThan(0);
    await finish('a');
    expect((await busy.response()).status).toBe(200);
  });

  it('on which requests are handled stay open, and others are still served', async () => {
    await givenService({ HTTP_MAX_CONNECTIONS: '10', METRICS_PUBLIC: 'true' });
    const names = Array.from({ length: 8 }, (_, n) => `held-${n}`);
    for (const [index, name] of names.entries())
      open().head('GET', `/own/held/${name}`, bearer(index % 2 === 0 ? 'viewer' : 'other'));
    await eventually(() => expect(names.every((name) => waiting.has(name))).toBe(true));
    await expect(statusFor('127.0.0.1')).rejects.toThrow(/ECONNRESET|hang up/);
    expect(await statusFor('127.0.0.2')).toBe(200);
    for (const name of names) await finish(name);
    await eventually(async () => expect(await statusFor('127.0.0.1')).toBe(200));
  });
});

describe('requests that a client sends before it has the responses to earlier ones', () => {
  const HEALTH = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n';
  let served = 0;
  beforeEach(async () => {
    await givenService();
    app.getHttpServer().prependListener('request', (_request: unknown, response: ServerResponse) => {
      response.once('finish', () => (served += 1));
    });
    served = 0;
  });

  it('are served up to ten on one connection, again and again', async () => {
    const client = open();
    for (const sent of [10, 20, 30]) {
      client.send(HEALTH.repeat(10));
      await eventually(async () => expect((await client.response()).text.match(/HTTP\/1\.1 200/g)).toHaveLength(sent));
    }
  });

  it('close the connection when there are more, and the rest is not handled', async () => {
    await open().send(HEALTH.repeat(1_000)).closed;
    expect(served).toBeLessThanOrEqual(10);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });
});

const held = (name: string, key: keyof typeof KEYS = 'viewer', init: RequestInit = {}) =>
  fetch(`${url}/own/held/${name}`, { headers: bearer(key), ...init });

const finish = async (name: string) => {
  await eventually(() => expect(waiting.has(name)).toBe(true));
  waiting.get(name)!();
};

describe('requests in flight with one key', () => {
  // Three in flight, of which one is handled.
  beforeEach(() => givenService({ HTTP_MAX_REQUESTS_PER_KEY: '3', DATABASE_POOL_MAX: '2' }));

  it('are handled one after another, and refused beyond the limit, while other keys are served', async () => {
    const all = ['a', 'b', 'c'].map((name) => held(name));
    await eventually(async () => {
      const response = await fetch(`${url}/api/v1/tasks`, { headers: bearer('viewer') });
      expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1']);
      expect(await response.json()).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    });
    expect(handled).toEqual(['a']);
    expect((await fetch(`${url}/api/v1/tasks`, { headers: bearer('other') })).status).toBe(200);
    for (const path of ['/health/live', '/metrics'])
      expect((await fetch(url + path, { headers: bearer('viewer') })).status).toBe(200);
    for (const name of ['a', 'b', 'c']) await finish(name);
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await fetch(`${url}/api/v1/tasks`, { headers: bearer('viewer') })).status).toBe(200);
  });

  it('still count after their client hung up, until their handler has ended', async () => {
    const client = new AbortController();
    const gone = held('gone', 'viewer', { signal: client.signal }).catch(() => {});
    await eventually(() => expect(handled).toEqual(['gone']));
    client.abort();
    await gone;
    const next = held('next');
    const third = held('third');
    await eventually(async () =>
      expect((await fetch(`${url}/api/v1/tasks`, { headers: bearer('viewer') })).status).toBe(429),
    );
    expect(handled).toEqual(['gone']);
    await finish('gone');
    await finish('next');
    await finish('third');
    expect([(await next).status, (await third).status]).toEqual([200, 200]);
  });

  it('have bodies that are not read while they wait', async () => {
    const first = held('first');
    await eventually(() => expect(handled).toEqual(['first']));
    const path = '/api/v1/triggers/preview';
    const request = open().head('POST', path, { 'Content-Type': JSON_TYPE, 'Content-Length': 1, ...bearer('viewer') });
    // One that begins with a `1`, which is no trigger.
    request.send('1');
    await finish('first');
    expect((await request.response()).status).toBe(422);
    expect((await first).status).toBe(200);
  });
});

import { jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Controller, Get, Module } from '@nestjs/common';
import { sha256 } from '../src/config/api-keys.js';
import { reaches, type Role, roles } from '../src/config/api-roles.js';
import { ServiceLogger } from '../src/logging/service-logger.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { runSql } from './support/run-sql.js';
import { finishedJob, TestService } from './support/service.js';

/** The lowest role that may use each route. */
const TABLE: Record<string, Role | 'public'> = {
  'get /api/v1/audit': 'admin',
  'get /api/v1/jobs': 'viewer',
  'get /api/v1/jobs-file': 'viewer',
  'post /api/v1/jobs-file': 'admin',
  'delete /api/v1/jobs/:name': 'admin',
  'get /api/v1/jobs/:name': 'viewer',
  'get /api/v1/jobs/:name/upcoming': 'viewer',
  'get /api/v1/jobs/:name/versions': 'viewer',
  'get /api/v1/jobs/:name/explain': 'viewer',
  'get /api/v1/jobs/:name/ledger': 'viewer',
  'get /api/v1/ledger/check': 'viewer',
  'get /api/v1/runs': 'viewer',
  'get /api/v1/runs/:id': 'viewer',
  'get /api/v1/runs/:id/logs': 'viewer',
  'get /api/v1/scheduler': 'viewer',
  'get /api/v1/tasks': 'viewer',
  'get /docs': 'public',
  'get /docs-json': 'public',
  'get /docs/favicon-16x16.png': 'public',
  'get /docs/favicon-32x32.png': 'public',
  'get /docs/index.html': 'public',
  'get /docs/swagger-ui-bundle.js': 'public',
  'get /docs/swagger-ui-init.js': 'public',
  'get /docs/swagger-ui.css': 'public',
  'get /health': 'public',
  'get /health/live': 'public',
  'get /health/ready': 'public',
  'get /metrics': 'viewer',
  'patch /api/v1/jobs/:name': 'admin',
  'post /api/v1/jobs': 'admin',
  'post /api/v1/jobs/:name/backfill': 'operator',
  'post /api/v1/jobs/:name/backfill/cancel': 'operator',
  'post /api/v1/jobs/:name/pause': 'operator',
  'post /api/v1/jobs/:name/resume': 'operator',
  'post /api/v1/jobs/:name/run': 'operator',
  'post /api/v1/runs/:id/cancel': 'operator',
  'post /api/v1/runs/:id/retry': 'operator',
  'post /api/v1/scheduler/pause': 'admin',
  'post /api/v1/scheduler/resume': 'admin',
  'post /api/v1/triggers/preview': 'viewer',
  'get /api/v1/alerts': 'viewer',
  'post /api/v1/alerts/:id/acknowledge': 'operator',
  'post /api/v1/alerts/:id/mute': 'operator',
  'get /api/v1/channels': 'viewer',
  'post /api/v1/channels/:name/test': 'operator',
  'put /api/v1/jobs/:name': 'admin',
};

const NOWHERE = '01990000-0000-7000-8000-000000000000';
const keyOf = (name: string) => `key-of-${name}-0123456789`;
const entry = (name: string, role: Role, expiresAt?: string) =>
  JSON.stringify({ name, role, sha256: sha256(keyOf(name)).toString('hex'), expiresAt });
const listOf = (...entries: string[]) => entries.map((one) => `- ${one}\n`).join('');
/** A keys file has only digests, so a short key is not refused there. */
const SHORT = 'hunter2';
const shortEntry = JSON.stringify({ name: 'short', role: 'viewer', sha256: sha256(SHORT).toString('hex') });
const KEYS = listOf(
  ...roles.map((role) => entry(role, role)),
  entry('old', 'admin', '2026-01-01T00:00:00Z'),
  shortEntry,
);

let folder: string;
let service: TestService;
beforeAll(async () => {
  folder = await mkdtemp(join(process.env['TEST_SCRATCH']!, 'keys-'));
  await writeFile(join(folder, 'keys.yaml'), KEYS);
  service = await TestService.start({ API_KEYS_FILE: join(folder, 'keys.yaml'), TRUST_PROXY: '1' });
  await service.given(finishedJob('there', 'echo', { input: { text: 'hi' } }));
});
afterAll(() => service.stop());

interface SentRequest extends RequestInit {
  key?: string;
  /** The address of the client, as a proxy would report it. */
  address?: string;
}

let clients = 0;
/** Sends a request. Each one comes from an address of its own, unless one is given. */
async function send(path: string, { key, address, ...init }: SentRequest = {}) {
  const headers = new Headers(init.headers);
  if (key !== undefined) headers.set('Authorization', `Bearer ${key}`);
  headers.set('X-Forwarded-For', address ?? `10.0.${Math.floor((clients += 1) / 250)}.${clients % 250}`);
  const response = await fetch(service.url + path, { ...init, headers });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const body = (isJson ? JSON.parse(text) : {}) as { code?: string; detail?: string };
  return { status: response.status, headers: response.headers, body };
}

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

/** The routes in the router of the running application. The path that is left out belongs to middleware, which opens nothing. */
function routes(): string[] {
  const { router } = service.app.getHttpAdapter().getInstance() as unknown as { router: { stack: Layer[] } };
  return router.stack.flatMap(({ route }) =>
    route && route.path !== '{/*splat}' ? Object.keys(route.methods).map((method) => `${method} ${route.path}`) : [],
  );
}

/** Fills in a job that exists. A DELETE gets one that does not, so that the job stays for the other cases. */
const filledIn = (method: string, path: string) =>
  path.replace(':name', method === 'delete' ? 'nowhere' : 'there').replace(':id', NOWHERE);

describe('every route', () => {
  it('is in the table of this test, and the table has no others', () => {
    expect(routes().toSorted()).toEqual(Object.keys(TABLE).toSorted());
  });

  const cases = Object.entries(TABLE).flatMap(([route, required]) =>
    [undefined, 'wrong', 'old', ...roles].map((who) => [route, required, who] as const),
  );
  it.each(cases)('%s needs %s: %s', async (route, required, who) => {
    const [method = '', path = ''] = route.split(' ');
    const { status, headers, body } = await send(filledIn(method, path), {
      method: method.toUpperCase(),
      ...(who !== undefined && { key: keyOf(who) }),
    });
    const role = roles.find((one) => one === who);
    const isOpen = required === 'public' || (role !== undefined && reaches(role, required));
    const refusal = { undefined: 'NO_KEY', wrong: 'WRONG_KEY', old: 'KEY_EXPIRED' }[String(who)] ?? 'ROLE_TOO_LOW';
    const isRefused = ['NO_KEY', 'WRONG_KEY', 'KEY_EXPIRED', 'ROLE_TOO_LOW', 'ROUTE_CLOSED'].includes(body.code ?? '');
    expect(isOpen ? isRefused : body.code).toBe(isOpen ? false : refusal);
    expect([401, 403, 429].includes(status)).toBe(!isOpen);
    expect(headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
    expect(status === 403 ? body.detail : `The role ${required}`).toContain(`The role ${required}`);
  });

  it('has its role in the OpenAPI document', async () => {
    const { body } = await send('/docs-json');
    const { paths } = body as { paths: Record<string, Record<string, { [field: string]: unknown }>> };
    const inDocument = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
        operation['x-required-role'],
      ]),
    );
    const documented = Object.entries(TABLE).filter(([route]) => !route.includes('/docs'));
    expect(Object.fromEntries(inDocument)).toEqual(Object.fromEntries(documented));
  });
});

describe('without a key', () => {
  it.each([
    '/api/v1',
    '/api/v1/nope',
    '/api/v1/jobs/',
    '/API/V1/JOBS',
    '/api/v1/jobs/../jobs',
    '/api/v1/%6Aobs',
    '/api/v1/jobs?x=/health',
    '/api/v1/jobs/there/upcoming/',
  ])('%s reveals nothing', async (path) => {
    expect(await send(path)).toMatchObject({ status: 401, body: { code: 'NO_KEY' } });
  });

  it.each(['//api/v1/jobs', '/api//v1/jobs', '/health/../api/v1/jobs', '/api/v1;/jobs', '/api/v1/jobs%2F', '/nope'])(
    '%s is not served',
    async (path) => {
      expect([401, 404]).toContain((await send(path)).status);
    },
  );

  it('no request body is read', async () => {
    const body = JSON.stringify('x'.repeat(2 ** 21));
    const headers = { 'Content-Type': 'application/json' };
    const init = { method: 'POST', body, headers };
    expect(await send('/api/v1/triggers/preview', init)).toMatchObject({ status: 401 });
    expect(await send('/api/v1/triggers/preview', { ...init, key: keyOf('viewer') })).toMatchObject({ status: 413 });
  });
});

describe('a key', () => {
  it.each([
    ['Basic', `Basic ${keyOf('admin')}`],
    ['no scheme', keyOf('admin')],
    ['two of them', `Bearer ${keyOf('viewer')} ${keyOf('admin')}`],
    ['none', 'Bearer '],
  ])('counts only when it is sent as one Bearer token: %s', async (_case, Authorization) => {
    expect(await send('/api/v1/jobs', { headers: { Authorization } })).toMatchObject({ body: { code: 'NO_KEY' } });
  });

  it('is accepted with any Host and Origin, since a page of another site does not know it', async () => {
    const headers = { Origin: 'https://example.org' };
    expect(await send('/api/v1/jobs', { key: keyOf('viewer'), headers })).toMatchObject({ status: 200 });
    expect(await send('/api/v1/nope', { key: keyOf('viewer') })).toMatchObject({ status: 404 });
  });

  it('of an operator runs a job with its stored input; another input needs an admin', async () => {
    const init = { method: 'POST', body: '{"input":{"text":"ho"}}', headers: { 'Content-Type': 'application/json' } };
    const refused = await send('/api/v1/jobs/there/run', { ...init, key: keyOf('operator') });
    expect(refused).toMatchObject({ status: 403, body: { code: 'ROLE_TOO_LOW' } });
    expect(await send('/api/v1/jobs/there/run', { ...init, key: keyOf('admin') })).toMatchObject({ status: 202 });
  });
});

describe('the retry of a run', () => {
  interface Run {
    id: string;
    state: string;
  }
  const post = async (path: string, key: string, body?: object) => {
    const json = body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
    const answer = await send(`/api/v1${path}`, { method: 'POST', key: keyOf(key), ...json });
    return { status: answer.status, ...(answer.body as { code?: string; detail?: string } & Partial<Run>) };
  };
  const ended = async ({ status, id }: { status: number; id?: string }): Promise<string> => {
    expect(status).toBe(202);
    return eventually(async () => {
      const { body } = await send(`/api/v1/runs/${id}`, { key: keyOf('viewer') });
      expect((body as unknown as Run).state).toBe('succeeded');
      return id!;
    });
  };
  const retry = (id: string, key: string) => post(`/runs/${id}/retry`, key);
  const tooLow = { status: 403, code: 'ROLE_TOO_LOW' };

  it('needs an admin when the input is not that of the job, also when it was repeated before', async () => {
    await service.given(finishedJob('own', 'echo', { input: { text: 'hi' } }));
    const own = await ended(await post('/jobs/own/run', 'operator'));
    const foreign = await ended(await post('/jobs/own/run', 'admin', { input: { text: 'ho' } }));
    const again = await ended(await retry(own, 'operator'));
    await ended(await retry(again, 'operator'));
    const refused = await retry(foreign, 'operator');
    expect(refused).toMatchObject(tooLow);
    expect(refused.detail).toContain('POST /api/v1/jobs/own/run runs the job as it is');
    const repeated = await ended(await retry(foreign, 'admin'));
    expect(await retry(repeated, 'operator')).toMatchObject(tooLow);
  });

  it('needs an admin when the job has another task or input now, or was deleted', async () => {
    await service.given(finishedJob('edited', 'echo', { input: { text: 'hi' } }));
    const run = await ended(await post('/jobs/edited/run', 'operator'));
    const put = async (input: object) => {
      const trigger = { type: 'interval', everySeconds: 3600 };
      const body = JSON.stringify({ task: 'echo', input, trigger });
      const headers = { 'Content-Type': 'application/json' };
      const { status } = await send('/api/v1/jobs/edited', { method: 'PUT', key: keyOf('admin'), body, headers });
      expect([200, 201]).toContain(status);
    };
    await put({ text: 'ho' });
    expect(await retry(run, 'operator')).toMatchObject(tooLow);
    await put({ text: 'hi' });
    await runSql(service.database, `UPDATE cronzimus.jobs SET task = 'wait' WHERE name = 'edited'`);
    expect(await retry(run, 'operator')).toMatchObject(tooLow);
    await runSql(service.database, `UPDATE cronzimus.jobs SET task = 'echo' WHERE name = 'edited'`);
    await ended(await retry(run, 'operator'));

    await send('/api/v1/jobs/edited', { method: 'DELETE', key: keyOf('admin') });
    expect(await retry(run, 'operator')).toMatchObject({ ...tooLow, detail: expect.stringContaining('deleted') });
    // A later job of that name is another job.
    await put({ text: 'hi' });
    expect(await retry(run, 'operator')).toMatchObject(tooLow);
    await ended(await retry(run, 'admin'));
  });
});

const guess = async (addressOf: (guess: number) => string) => {
  for (let time = 0; time < 40; time += 1)
    expect(await send('/api/v1/jobs', { key: `guess-${time}`, address: addressOf(time) })).toMatchObject({
      status: 401,
    });
};
const refusalOf = async (key: string, address: string) => {
  const { status, headers, body } = await send('/api/v1/jobs', { key, address });
  expect({ status, code: body.code }).toEqual({ status: 429, code: 'TOO_MANY_WRONG_KEYS' });
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  return { code: body.code, detail: body.detail?.replace(/\d+/, 'n') };
};

describe('an address that tries many wrong keys', () => {
  it('is refused for a while, but its right keys and other addresses are not', async () => {
    const address = '203.0.113.7';
    await guess(() => address);
    await refusalOf('guess-41', address);
    for (const path of ['/api/v1/jobs', '/metrics'])
      expect(await send(path, { key: keyOf('viewer'), address })).toMatchObject({ status: 200 });
    // A request with a right key forgives nothing.
    await refusalOf('guess-42', address);
    expect(await send('/health/live', { address })).toMatchObject({ status: 200 });
    expect(await send('/api/v1/jobs', { key: keyOf('viewer'), address: '203.0.113.8' })).toMatchObject({ status: 200 });
  });

  it('learns nothing about expired keys, and cannot use a key that is short enough to be guessed', async () => {
    const address = '203.0.113.10';
    expect(await send('/api/v1/jobs', { key: SHORT, address })).toMatchObject({ status: 200 });
    await guess(() => address);
    const refusal = await refusalOf('guess-41', address);
    for (const key of [keyOf('old'), SHORT]) expect(await refusalOf(key, address)).toEqual(refusal);
  });

  it.each([
    ['with a port', (time: number) => `203.0.113.20:${4000 + time}`, '203.0.113.20'],
    ['in quotes', (time: number) => `"203.0.113.21:${4000 + time}"`, '203.0.113.21'],
    ['mapped to IPv6', (time: number) => (time % 2 ? '::ffff:203.0.113.22' : '::ffff:cb00:7116'), '203.0.113.22'],
    ['in IPv6 with a port', (time: number) => `[2001:db8:a:b::${time}]:${4000 + time}`, '2001:db8:a:b::ffff'],
    ['in a delegated prefix', (time: number) => `"[2001:db8:c:${time.toString(16)}::1]"`, '2001:db8:c:ff::1'],
  ])('is one client however a proxy writes it: %s', async (_case, addressOf, address) => {
    await guess(addressOf);
    expect(await refusalOf('guess-41', address)).toMatchObject({ code: 'TOO_MANY_WRONG_KEYS' });
  });

  it('is not one that sends no key, or an expired one', async () => {
    const address = '203.0.113.9';
    for (let time = 1; time <= 41; time += 1) {
      expect(await send('/api/v1/jobs', { address })).toMatchObject({ status: 401 });
      expect(await send('/api/v1/jobs', { key: keyOf('old'), address })).toMatchObject({ status: 401 });
    }
    expect(await send('/api/v1/jobs', { key: keyOf('viewer'), address })).toMatchObject({ status: 200 });
  });
});

const statusOfAdded = async () => (await send('/api/v1/jobs', { key: keyOf('added') })).status;

it('a key that is added to the file is valid without a restart, and a removed one is not', async () => {
  await writeFile(join(folder, 'keys.yaml'), KEYS + listOf(entry('added', 'viewer')));
  await eventually(async () => expect(await statusOfAdded()).toBe(200));
  await writeFile(join(folder, 'keys.yaml'), KEYS);
  await eventually(async () => expect(await statusOfAdded()).toBe(401));
});

it('a key whose entry is gone is withdrawn although another entry has a fault; the metrics and the health report that', async () => {
  const health = async () => {
    const { status, body } = await send('/health');
    return { status, file: (body as { details: Record<string, object> }).details['apiKeysFile'] };
  };
  expect(await health()).toEqual({ status: 200, file: { status: 'up' } });
  await writeFile(join(folder, 'keys.yaml'), KEYS + listOf(entry('added', 'viewer')));
  await eventually(async () => expect(await statusOfAdded()).toBe(200));
  await writeFile(join(folder, 'keys.yaml'), KEYS + listOf(entry('other', 'root' as Role)));
  await eventually(async () => expect(await statusOfAdded()).toBe(401));
  expect(await send('/api/v1/jobs', { key: keyOf('viewer') })).toMatchObject({ status: 200 });
  expect(await health()).toEqual({ status: 503, file: { status: 'down', message: 'missing or with errors' } });
});

it('without the file nothing is open but what needs no key, and with it all keys are valid again', async () => {
  await rm(join(folder, 'keys.yaml'));
  await eventually(async () => expect(await send('/metrics', { key: keyOf('viewer') })).toMatchObject({ status: 401 }));
  for (const key of roles.map(keyOf)) expect(await send('/api/v1/jobs', { key })).toMatchObject({ status: 401 });
  for (const path of ['/health/live', '/health/ready', '/docs-json'])
    expect(await send(path)).toMatchObject({ status: 200 });
  await writeFile(join(folder, 'keys.yaml'), KEYS);
  await eventually(async () => expect(await send('/metrics', { key: keyOf('viewer') })).toMatchObject({ status: 200 }));
});

@Controller('api/v1/secrets')
class ForgetfulController {
  @Get()
  read() {
    return 'all of them';
  }
}

@Module({ controllers: [ForgetfulController] })
class ForgetfulModule {}

describe('an application', () => {
  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['with keys', { API_KEYS: `root:admin:${keyOf('root')}` }, { Authorization: `Bearer ${keyOf('root')}` }],
    ['without', {}, {}],
  ])('%s closes a route that names no role', async (_case, variables, headers) => {
    const database = await createTestDatabase();
    const app = await createTestApplication(database.url, variables, [ForgetfulModule]);
    await app.listen(0, '127.0.0.1');
    const response = await fetch(`${await app.getUrl()}/api/v1/secrets`, { headers });
    expect(await response.json()).toMatchObject({ status: 403, code: 'ROUTE_CLOSED' });
    await app.close();
    await database.drop();
  });

  it.each<[string, Record<string, string>, Record<string, string>, number]>([
    ['warns once of X-Forwarded-For without TRUST_PROXY', {}, { 'X-Forwarded-For': '203.0.113.7' }, 1],
    ['warns once of Forwarded without TRUST_PROXY', {}, { Forwarded: 'for=203.0.113.7' }, 1],
    ['warns of nothing with TRUST_PROXY', { TRUST_PROXY: '1' }, { 'X-Forwarded-For': '203.0.113.7' }, 0],
    ['warns of nothing without such a header', {}, {}, 0],
    ['warns of nothing on a loopback HOST', { HOST: '127.0.0.1' }, { 'X-Forwarded-For': '203.0.113.7' }, 0],
  ])('%s', async (_case, variables, headers, times) => {
    const database = await createTestDatabase();
    const all = { HOST: '0.0.0.0', API_KEYS: `root:admin:${keyOf('root')}`, ...variables };
    const app = await createTestApplication(database.url, all);
    const warn = jest.spyOn(app.get(ServiceLogger), 'warn');
    await app.listen(0, '127.0.0.1');
    for (let time = 0; time < 3; time += 1) await fetch(`${await app.getUrl()}/health/live`, { headers });
    const warnings = warn.mock.calls.map(String).filter((text) => text.includes('TRUST_PROXY'));
    expect(warnings).toHaveLength(times);
    for (const text of warnings) expect(text).toContain(Object.keys(headers)[0]);
    await app.close();
    await database.drop();
  });

  it('does not start when its file of keys has errors, and reports each with its line but without the key', async () => {
    const path = join(folder, 'bad.yaml');
    await writeFile(path, '- { name: a, role: root, key: hunter2 }\n- { name: b, role: admin, sha256: hunter2 }\n');
    const started = createTestApplication('postgres://nobody@127.0.0.1:1/none', { API_KEYS_FILE: path });
    const error = await started.then(String, (reason: Error) => reason.message);
    expect(error).toMatch(/line 1: 0\.role: must be one of viewer, operator, admin/);
    expect(error).toMatch(/line 2: 1\.sha256: must be the 64 hex digits/);
    expect(error).not.toContain('hunter2');
  });
});

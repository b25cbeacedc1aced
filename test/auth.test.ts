import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Controller, Get, Module } from '@nestjs/common';
import { sha256 } from '../src/config/api-keys.js';
import { reaches, type Role, roles } from '../src/config/api-roles.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
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
  'put /api/v1/jobs/:name': 'admin',
};

const NOWHERE = '01990000-0000-7000-8000-000000000000';
const keyOf = (name: string) => `key-of-${name}-0123456789`;
const entry = (name: string, role: Role, expiresAt?: string) =>
  JSON.stringify({ name, role, sha256: sha256(keyOf(name)).toString('hex'), expiresAt });
const listOf = (...entries: string[]) => entries.map((one) => `- ${one}\n`).join('');
const KEYS = listOf(...roles.map((role) => entry(role, role)), entry('old', 'admin', '2026-01-01T00:00:00Z'));

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

describe('an address that tries many wrong keys', () => {
  it('is refused for a while even with a valid key, and other addresses are not', async () => {
    const address = '203.0.113.7';
    for (let guess = 1; guess <= 40; guess += 1)
      expect(await send('/api/v1/jobs', { key: `guess-${guess}`, address })).toMatchObject({ status: 401 });
    for (const key of ['guess-41', keyOf('admin')]) {
      const { status, headers, body } = await send('/api/v1/jobs', { key, address });
      expect({ status, code: body.code }).toEqual({ status: 429, code: 'TOO_MANY_WRONG_KEYS' });
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await send('/health/live', { address })).toMatchObject({ status: 200 });
    expect(await send('/api/v1/jobs', { key: keyOf('viewer'), address: '203.0.113.8' })).toMatchObject({ status: 200 });
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
    ['with keys', { API_KEYS: 'root:admin:key' }, { Authorization: 'Bearer key' }],
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

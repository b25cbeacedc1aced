import { request } from 'node:http';
import { finishedJob, TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
  await service.given(finishedJob('there', 'echo', { input: { text: 'hi' } }));
});
afterAll(() => service.stop());

const NOWHERE = '01990000-0000-7000-8000-000000000000';
const cursor = (...values: unknown[]) => Buffer.from(JSON.stringify(values)).toString('base64url');
const JSON_TYPE = { 'Content-Type': 'application/json' };

async function problem(path: string, init: RequestInit = {}) {
  const headers = new Headers(init.headers);
  headers.set('X-Cronzimus-Request', '1');
  const response = await fetch(service.url + path, { ...init, headers });
  return { type: response.headers.get('content-type'), body: (await response.json()) as Record<string, unknown> };
}

describe('a request that cannot be served gets a problem', () => {
  it.each<[string, string, RequestInit, number, string]>([
    ['an unknown path', '/nope', {}, 404, 'NOT_FOUND'],
    ['an unknown path below the base', '/api/v1/nope', {}, 404, 'NOT_FOUND'],
    ['a method that the path does not have', '/api/v1/jobs', { method: 'DELETE' }, 404, 'NOT_FOUND'],
    ['an unknown job', '/api/v1/jobs/nope', {}, 404, 'JOB_NOT_FOUND'],
    ['the next occurrences of an unknown job', '/api/v1/jobs/nope/upcoming', {}, 404, 'JOB_NOT_FOUND'],
    ['a run of an unknown job', '/api/v1/jobs/nope/run', { method: 'POST' }, 404, 'JOB_NOT_FOUND'],
    ['an unknown run', `/api/v1/runs/${NOWHERE}`, {}, 404, 'RUN_NOT_FOUND'],
    ['the log of an unknown run', `/api/v1/runs/${NOWHERE}/logs`, {}, 404, 'RUN_NOT_FOUND'],
    ['broken JSON', '/api/v1/jobs/there/run', { method: 'POST', body: '{', headers: JSON_TYPE }, 400, 'MALFORMED_JSON'],
    ['a form', '/api/v1/jobs/there/run', { method: 'POST', body: 'a=1' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a null', '/api/v1/jobs/there/run', { method: 'POST', body: 'null', headers: JSON_TYPE }, 422, 'INVALID_BODY'],
    ['a query that the route does not read', '/api/v1/scheduler?verbose=1', {}, 400, 'INVALID_PARAMETER'],
    ...['{"paused":true}', '[]', 'null', '1'].map((body): [string, string, RequestInit, number, string] => [
      `a body that the route does not read: ${body}`,
      '/api/v1/jobs/there/pause',
      { method: 'POST', body, headers: JSON_TYPE },
      422,
      'INVALID_BODY',
    ]),
    [
      'a page of another site',
      '/api/v1/jobs',
      { headers: { Origin: 'https://evil.example' } },
      403,
      'FORBIDDEN_ORIGIN',
    ],
  ])('%s', async (_case, path, init, status, code) => {
    const { type, body } = await problem(path, init);
    expect(type).toBe('application/problem+json');
    expect(body).toMatchObject({ status, code, title: expect.any(String), detail: expect.any(String) });
    expect(body['type']).toBe(`urn:cronzimus:problem:${code.toLowerCase().replaceAll('_', '-')}`);
  });

  it('a Host that is not local', async () => {
    const status = await new Promise((resolve, reject) => {
      const asked = request(`${service.url}/api/v1/jobs`, { headers: { Host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
    expect(status).toBe(403);
  });
});

describe('an invalid query gets 400, with each error', () => {
  it.each([
    ['/jobs?limit=0', ['/limit']],
    ['/jobs?limit=501&sort=age&nope=1', ['/limit', '/nope', '/sort']],
    ['/jobs?state=running', ['/state']],
    ['/jobs?source=magic', ['/source']],
    ['/jobs?cursor=xyz', ['/cursor']],
    ['/jobs/UPPER', ['/name']],
    ['/jobs/there/upcoming?count=0', ['/count']],
    ['/jobs/there/upcoming?count=1001', ['/count']],
    ['/jobs/there/upcoming?count=many', ['/count']],
    ['/runs?state=done&kind=odd', ['/kind', '/state']],
    ['/runs?from=yesterday&to=2026-01-01', ['/from', '/to']],
    ['/runs/17', ['/id']],
    [`/runs/${NOWHERE}/logs?limit=x`, ['/limit']],
  ])('%s', async (path, expected) => {
    const { status, body } = await service.call('GET', path);
    expect(status).toBe(400);
    const paths = (body['errors'] as { path: string }[]).map((fault) => fault.path);
    expect(paths.toSorted()).toEqual(expected);
  });
});

describe('a hostile request never gets a 5xx', () => {
  const paths = [
    ...['%00', '%ED%A0%80', '..%2f..%2fetc', "a'%20OR%201=1--", 'a'.repeat(4_000), '__proto__', '%25'].flatMap(
      (name) => [
        `/jobs/${name}`,
        `/jobs/${name}/upcoming`,
        `/runs/${name}`,
        `/runs/${name}/logs`,
        `/jobs?task=${name}`,
        `/jobs?tag=${name}`,
        `/runs?job=${name}`,
        `/jobs?cursor=${name}`,
        `/runs?cursor=${name}`,
        `/runs/${NOWHERE}/logs?cursor=${name}`,
      ],
    ),
    ...['0000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', `2026-01-01T00:00:00.${'0'.repeat(200)}Z`].flatMap(
      (time) => [
        `/runs?cursor=${cursor(time, NOWHERE)}`,
        `/jobs?sort=nextRunAt&cursor=${cursor('nextRunAt', time, 'a')}`,
        `/jobs?sort=-updatedAt&cursor=${cursor('-updatedAt', time, 'a')}`,
        `/runs?from=${time}`,
        `/runs?to=${time}`,
      ],
    ),
    `/runs?from=2026-01-01T00:00:00%2B23:59`,
    `/runs?cursor=${cursor(NOWHERE)}`,
    `/runs?to=2026-01-01T00:00:00Z&cursor=${cursor('ffffffff-ffff-ffff-ffff-ffffffffffff')}`,
    `/runs?to=2026-01-01T00:00:00Z&cursor=${cursor('00000000-0000-0000-0000-000000000000')}`,
    `/jobs?sort=-updatedAt&cursor=${cursor('-updatedAt', 'infinity', 'a')}`,
    `/jobs?sort=-updatedAt&cursor=${cursor('-updatedAt', null, 'a')}`,
    `/jobs?sort=nextRunAt&cursor=${cursor('nextRunAt', null, 'a')}`,
    `/jobs?sort=name&cursor=${cursor('nextRunAt', null, 'a')}`,
    `/runs/${NOWHERE}/logs?cursor=${cursor('9'.repeat(18))}`,
    `/runs/${NOWHERE}/logs?cursor=${cursor('9'.repeat(19))}`,
    '/jobs?q=%00',
    '/jobs?limit=1&limit=2',
    '/jobs?__proto__=1',
  ];
  it.each(paths.map((path) => [path.slice(0, 80), path]))('%s', async (_start, path) => {
    const { status } = await service.call('GET', path);
    expect(status).toBeGreaterThanOrEqual(200);
    expect(status).toBeLessThan(500);
  });
});

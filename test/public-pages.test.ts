import { gunzipSync } from 'node:zlib';
import { get } from 'node:http';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Client } from 'pg';
import { SCHEDULER } from '../src/database/data-source.js';
import { SchedulerLifecycle } from '../src/scheduler/lifecycle.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { givenJobs, jobRow } from './support/jobs.js';
import { runSql } from './support/run-sql.js';
import { TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

/** A response as it was sent, without decompression. */
const raw = (path: string, headers: Record<string, string> = {}) =>
  new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }>((resolve, reject) => {
    get(service.url + path, { headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    }).on('error', reject);
  });

const PAGES = [
  ['/docs', 'text/html'],
  ['/docs/', 'text/html'],
  ['/docs/index.html', 'text/html'],
  ['/docs/swagger-ui-init.js', 'text/javascript'],
  ['/docs/swagger-ui-bundle.js', 'text/javascript'],
  ['/docs/swagger-ui.css', 'text/css'],
  ['/docs/favicon-32x32.png', 'image/png'],
  ['/docs-json', 'application/json'],
] as const;

describe.each(PAGES)('%s', (path, type) => {
  it('is sent as it is, compressed, or not at all to a client that has it', async () => {
    const plain = await raw(path);
    expect([plain.status, plain.headers['content-encoding']]).toEqual([200, undefined]);
    expect(plain.headers['content-type']).toContain(type);
    const zipped = await raw(path, { 'Accept-Encoding': 'br, gzip' });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
    const known = await raw(path, { 'If-None-Match': plain.headers['etag'] as string });
    expect([known.status, known.body.length]).toEqual([304, 0]);
    expect((await raw(path, { 'If-None-Match': 'W/"other"' })).status).toBe(200);
  });
});

it('the page of the documentation refers only to files that exist', async () => {
  for (const page of ['/docs', '/docs/', '/docs/index.html']) {
    const html = (await raw(page)).body.toString();
    const paths = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(paths).toHaveLength(5);
    for (const path of paths) expect((await fetch(new URL(path, service.url + page))).status).toBe(200);
  }
});

it.each(['/docs', '/docs/', '/docs/swagger-ui-bundle.js', '/docs-json'])(
  'DOCS=off switches %s off, and nothing else',
  async (path) => {
    const off = await TestService.start({ DOCS: 'off' });
    const response = await fetch(off.url + path);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'DOCS_OFF' });
    expect((await off.call('GET', '/tasks')).status).toBe(200);
    await off.stop();
  },
);

const report = async (path: string) => {
  const response = await fetch(service.url + path);
  return { status: response.status, body: (await response.json()) as { details: Record<string, object> } };
};

describe('/health', () => {
  it('asks the database once for all callers together', async () => {
    await service.call('POST', '/scheduler/pause');
    const holder = new Client({ connectionString: service.database });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE cronzimus.jobs IN ACCESS EXCLUSIVE MODE');
    const reports: ReturnType<typeof report>[] = [];
    // In a session of its own: within a transaction, PostgreSQL shows the sessions as they were at the first look.
    const checks = async () => {
      const waiting = await runSql(
        service.database,
        `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%"oldestWaitingSeconds"%'
           AND pid <> pg_backend_pid() AND datname = current_database()`,
      );
      return waiting.length;
    };
    await eventually(async () => {
      // Until no check from before the lock is shared any more.
      reports.push(report('/health'));
      expect(await checks()).toBe(1);
    });
    reports.push(...Array.from({ length: 20 }, () => report('/health')));
    expect(await checks()).toBe(1);
    await holder.query('COMMIT');
    await Promise.all(reports);
    await holder.end();
    await service.call('POST', '/scheduler/resume');
  });

  it('soon shows a job that is overdue', async () => {
    const database = await createTestDatabase();
    // Its loops do not run, so nothing dispatches the job.
    const app = await createTestApplication(database.url);
    await app.listen(0, '127.0.0.1');
    const occurrences = async () => {
      const response = await fetch(`${await app.getUrl()}/health`);
      return ((await response.json()) as { details: { occurrences: object } }).details.occurrences;
    };
    expect(await occurrences()).toEqual({ status: 'up', overdue: 0 });
    const longAgo = new Date('2026-01-01T00:00:00Z');
    await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [
      jobRow('late', { nextOccurrenceAt: longAgo, nextRunAt: longAgo }),
    ]);
    await eventually(async () => expect(await occurrences()).toEqual({ status: 'down', overdue: 1 }));
    await app.close();
    await database.drop();
  });

  it('shows the beginning of a shutdown at once', async () => {
    const other = await TestService.start();
    const ready = async () => (await fetch(`${other.url}/health/ready`)).status;
    expect(await ready()).toBe(200);
    const stopped = other.app.get(SchedulerLifecycle, { strict: false }).stop();
    expect(await ready()).toBe(503);
    await stopped;
    await other.stop();
  });
});

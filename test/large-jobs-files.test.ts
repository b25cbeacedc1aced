import { getDataSourceToken } from '@nestjs/typeorm';
import { Client } from 'pg';
import { AbstractLogger, type DataSource } from 'typeorm';
import { parseText, parseTextInProcess } from '../src/core/yaml/yaml-in-process.js';
import { API } from '../src/database/data-source.js';
import { runSql } from './support/run-sql.js';
import { eventually } from './support/eventually.js';
import { TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start({ DATABASE_POOL_MAX: '40' });
});
afterAll(() => service.stop());

const job = { task: 'echo', input: { text: 'x' }, trigger: { type: 'interval', everySeconds: 60 } };
const fileOf = (count: number, prefix: string) => ({
  jobs: Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}-${n}`, { ...job }])),
});
const send = (file: object) => service.call('POST', '/jobs-file', file);

describe('a large jobs file', () => {
  it('has the same values when a process parses it and sends them in batches', async () => {
    const others = { a: [1, { b: null }], __proto__: 1 };
    const text = `x-other: ${JSON.stringify(others)}\n${JSON.stringify(fileOf(12_000, 'batch')).slice(1, -1)}\n`;
    const entries = { map: 'jobs', max: 12_000 };
    expect(await parseTextInProcess({ text, entries })).toEqual(parseText({ text, entries }));
    const odd = `jobs: {"__proto__": 1, "1.10": [1.5], "a": "${'x'.repeat(200_000)}"}`;
    const { value } = await parseTextInProcess({ text: odd, entries });
    expect(Object.keys((value as { jobs: object }).jobs).toSorted()).toEqual(['1.10', '__proto__', 'a']);
  });

  describe('at the limits', () => {
    const MAX_BYTES = 16 * 1024 * 1024;
    const entries = { map: 'jobs', max: 20_000 };
    /** The largest file of this many jobs. */
    const largest = (count: number) => {
      const { length } = JSON.stringify(fileOf(count, 'largest'));
      const text = 'x'.repeat(Math.floor((MAX_BYTES - length) / count));
      const { jobs } = fileOf(count, 'largest');
      return { jobs: Object.fromEntries(Object.keys(jobs).map((name) => [name, { ...job, input: { text } }])) };
    };

    it.each([1, 20_000])('has its values when it is parsed: 16 MiB of JSON, %i jobs', async (count) => {
      const file = largest(count);
      const text = JSON.stringify(file);
      expect(text.length).toBeGreaterThan(0.99 * MAX_BYTES);
      expect(await parseTextInProcess({ text, isJson: true, entries })).toEqual({ value: file, faults: [], lines: [] });
    });

    it('has its values when it is parsed: 980,000 values', async () => {
      const list = Array.from({ length: 46 }, () => 1);
      const jobs = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`j${n}`, { list, x: 1 }]));
      const { value, faults } = await parseTextInProcess({ text: JSON.stringify({ jobs }), entries });
      expect(faults).toEqual([]);
      expect(value).toEqual({ jobs });
    });

    it('is imported: 16 MiB, 20,000 jobs', async () => {
      const { status, body } = await service.call('POST', '/jobs-file?dryRun=true', largest(20_000));
      expect(status).toBe(200);
      expect(body['created']).toHaveLength(20_000);
    });

    it.each([
      ['one job of 16 MiB of lists', `"many": [${'[],'.repeat(5_000_000)}1]`, '"many" has more than 500000 values'],
      ['16 MiB of open brackets', `"deep": ${'['.repeat(8_000_000)}${']'.repeat(8_000_000)}`, 'needs more than 256 MB'],
    ])('is refused, and the service continues: %s', async (_name, entry, message) => {
      const { faults } = await parseTextInProcess({ text: `{"jobs":{"a":1,${entry}}}`, isJson: true, entries });
      expect(faults).toEqual([{ line: 1, message: expect.stringContaining(message) as string }]);
    });
  });

  it.each([1, 2_000])('that is not JSON is refused as such: %i jobs', async (count) => {
    const body = JSON.stringify(fileOf(count, 'cut')).slice(0, -1);
    const response = await fetch(`${service.url}/api/v1/jobs-file`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'MALFORMED_JSON',
      detail: expect.stringMatching(/^The body is not JSON: /) as string,
    });
  });

  it('with more than 20,000 jobs is refused, and says so', async () => {
    const { status, body } = await send(fileOf(20_001, 'many'));
    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: 'JOBS_FILE_INVALID',
      errors: [{ line: 1, message: 'jobs has 20001 entries, and at most 20000 are allowed; split the file' }],
    });
  });

  it('reports the faults of each job, and the lines of the first hundred', async () => {
    const file = fileOf(2_000, 'faulty');
    for (const faulty of Object.values(file.jobs)) Object.assign(faulty, { nonsense: 1, task: 'echo' });
    const { status, body } = await send({ jobs: { ...file.jobs, bad: { ...job, description: 'a\0b' } } });
    expect(status).toBe(422);
    const { errors } = body as { errors: unknown[] };
    expect(errors).toHaveLength(100);
    expect(body['detail']).toContain('and 1901 more');
    expect(await send({ jobs: { nul: { ...job, description: 'a\0b' } } })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/jobs/nul/description' }] },
    });
  });
});

it('one import runs at a time, twenty wait for it, and more are refused with 429', async () => {
  const holder = new Client({ connectionString: service.database });
  await holder.connect();
  try {
    await holder.query('BEGIN; LOCK TABLE cronzimus.jobs IN ACCESS EXCLUSIVE MODE');
    const imports = Array.from({ length: 22 }, (_, n) => send(fileOf(1, `turn-${n}`)));
    const refused = await Promise.race(imports);
    expect(refused.body).toMatchObject({ code: 'TOO_MANY_WAITING' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const waiting = await runSql(
      service.database,
      `SELECT FROM pg_stat_activity WHERE application_name = 'cronzimus api' AND wait_event_type = 'Lock'
         AND datname = current_database() AND query LIKE '%"job"."name"%'`,
    );
    expect(waiting).toHaveLength(1);
    await holder.query('COMMIT');
    const statuses = (await Promise.all(imports)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(21);
    await eventually(async () => expect((await send(fileOf(1, 'turn-0'))).status).toBe(200));
  } finally {
    await holder.end();
  }
});

describe('the statements of an import', () => {
  /** Counts the statements of all requests. */
  class Counter extends AbstractLogger {
    statements = 0;

    override logQuery(): void {
      this.statements += 1;
    }

    protected override writeLog(): void {}
  }

  const countOf = async (work: () => Promise<unknown>): Promise<number> => {
    const source = service.app.get<DataSource>(getDataSourceToken(API), { strict: false });
    const { logger } = source;
    const counter = new Counter();
    source.logger = counter;
    await work();
    source.logger = logger;
    return counter.statements;
  };

  it.each([500, 2_000])('do not grow with each job that it creates, changes or deletes: %i jobs', async (count) => {
    const batches = Math.ceil(count / 500);
    const name = `counted-${count}`;
    const edited = (fields: object) => ({
      jobs: Object.fromEntries(
        Object.entries(fileOf(count, name).jobs).map(([key, one]) => [key, { ...one, ...fields }]),
      ),
    });
    const versions = () =>
      runSql(service.database, `SELECT DISTINCT version FROM cronzimus.jobs WHERE name LIKE '${name}-%'`);
    for (const [file, change] of [
      [edited({}), 'created'],
      [edited({ description: 'changed' }), 'updated'],
      [edited({ trigger: { type: 'cron', expression: '0 3 * * *' } }), 'updated'],
    ] as const) {
      const statements = await countOf(async () => {
        const { status, body } = await send(file);
        expect(status).toBe(200);
        expect(body[change]).toHaveLength(count);
      });
      expect(statements).toBeLessThan(20 + 15 * batches);
    }
    expect(await versions()).toEqual([{ version: 3 }]);
    const statements = await countOf(async () => {
      const { body } = await service.call('POST', '/jobs-file?prune=true', { jobs: {} });
      expect((body['deleted'] as unknown[]).length).toBeGreaterThanOrEqual(count);
    });
    expect(statements).toBeLessThan(20 + 15 * batches);
    expect(await versions()).toEqual([]);
  });
});

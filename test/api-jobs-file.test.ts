import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { runSql } from './support/run-sql.js';
import { scrape } from './support/scrape.js';
import { type Answer, finishedJob, type RunAnswer, TestService } from './support/service.js';

interface Difference {
  name: string;
  upcoming: { before: string[]; after: string[] };
  changes?: Record<string, { before: unknown; after: unknown }>;
}
interface Report {
  created: Difference[];
  updated: Difference[];
  unchanged: { name: string }[];
  deleted: Difference[];
}
interface Refusal {
  code: string;
  detail: string;
  errors: { path: string; message: string; line?: number }[];
}

let service: TestService;
beforeAll(async () => {
  // Not UTC, so that a file without a zone differs from one with UTC.
  service = await TestService.start({ DEFAULT_TIME_ZONE: 'America/New_York' });
});
afterEach(() => runSql(service.database, `DELETE FROM cronzimus.jobs WHERE source <> 'code'`));
afterAll(() => service.stop());

const daily = { type: 'cron', expression: '0 9 * * *' };
const fileOf = (jobs: Record<string, object>) => ({
  jobs: Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, { task: 'wait', trigger: daily, ...job }])),
});

async function send<T = Report>(
  body: string | Buffer | object,
  query = '',
  type = typeof body === 'string' || Buffer.isBuffer(body) ? 'application/yaml' : 'application/json',
): Promise<Answer<T>> {
  const response = await fetch(`${service.url}/api/v1/jobs-file${query}`, {
    method: 'POST',
    headers: { 'Content-Type': type, 'X-Cronzimus-Request': '1' },
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}
const ofFile = { source: 'file', owner: 'cronzimus' } as const;
const namesOf = ({ body }: Answer<Report>) =>
  Object.fromEntries(
    Object.entries(body).map(([change, jobs]) => [change, (jobs as Difference[]).map(({ name }) => name)]),
  );
const stored = () => runSql(service.database, `SELECT * FROM cronzimus.jobs WHERE source <> 'code' ORDER BY name`);
const names = async () => (await stored()).map(({ name }) => name);

describe('POST /jobs-file', () => {
  it.each([
    ['application/json', JSON.stringify],
    ['application/yaml', stringify],
    ['text/yaml', stringify],
    ['application/x-yaml; charset=utf-8', stringify],
  ])('with a file as %s creates jobs of source api', async (type, write: (file: object) => string) => {
    const answer = await send(write(fileOf({ a: {}, b: { tags: ['x'] } })), '', type);
    expect(answer.status).toBe(200);
    expect(namesOf(answer)).toEqual({ created: ['a', 'b'], updated: [], unchanged: [], deleted: [] });
    expect(await stored()).toMatchObject([
      { name: 'a', source: 'api', owner: null, version: 1 },
      { name: 'b', source: 'api', tags: ['x'] },
    ]);
  });

  it('changes the jobs that differ, reports the changes, and leaves the others alone', async () => {
    await send(fileOf({ a: {}, b: {} }));
    const [a] = await stored();
    const noon = { ...daily, expression: '0 12 * * *', timeZone: 'UTC' };
    const answer = await send(fileOf({ a: {}, b: { trigger: noon, priority: 3 } }));
    expect(namesOf(answer)).toEqual({ created: [], updated: ['b'], unchanged: ['a'], deleted: [] });
    const [{ changes, upcoming }] = answer.body.updated as [Difference];
    const rest = { startAt: null, endAt: null, jitterSeconds: 0 };
    expect(changes).toEqual({
      trigger: { before: { ...daily, timeZone: 'America/New_York', ...rest }, after: { ...noon, ...rest } },
      priority: { before: 0, after: 3 },
    });
    expect(upcoming.before).toHaveLength(3);
    expect(upcoming.after.map((instant) => instant.slice(10))).toEqual(Array(3).fill('T12:00:00.000Z'));
    const after = await stored();
    expect(after[0]).toEqual(a);
    expect(after[1]).toMatchObject({ version: 2, priority: 3 });
  });

  it('with prune deletes the jobs that it does not name, but only those of source api', async () => {
    await service.given(finishedJob('of-a-file', 'wait', ofFile));
    await send(fileOf({ a: {}, b: {} }));
    expect(namesOf(await send(fileOf({ a: {} })))).toMatchObject({ unchanged: ['a'], deleted: [] });
    const answer = await send(fileOf({ a: {} }), '?prune=true');
    expect(namesOf(answer)).toEqual({ created: [], updated: [], unchanged: ['a'], deleted: ['b'] });
    expect(answer.body.deleted[0]!.upcoming).toMatchObject({ before: { length: 3 }, after: [] });
    expect(await names()).toEqual(['a', 'of-a-file']);
  });

  it('with dryRun reports what it would change, and changes nothing', async () => {
    await send(fileOf({ a: {}, b: {} }));
    const before = await stored();
    const next = fileOf({ a: { timeoutSeconds: 1 }, c: {} });
    const asked = await send(next, '?dryRun=true&prune=true');
    expect(await stored()).toEqual(before);
    expect(namesOf(asked)).toEqual({ created: ['c'], updated: ['a'], unchanged: [], deleted: ['b'] });
    expect((await send(next, '?prune=true')).body).toEqual(asked.body);
    expect(await names()).toEqual(['a', 'c']);
  });

  it('with dryRun counts no run that it would end', async () => {
    const ended = async () => {
      const { samples } = (await scrape(service.url)).get('cronzimus_runs_total')!;
      return samples.filter(({ labels }) => labels['job'] === 'ended').map(({ value }) => value);
    };
    await send(fileOf({ ended: {} }));
    await service.call('POST', '/scheduler/pause');
    const { body: run } = await service.call<RunAnswer>('POST', '/jobs/ended/run');
    await send(fileOf({}), '?dryRun=true&prune=true');
    expect(await ended()).toEqual([]);
    expect(await service.get(`/runs/${run.id}`)).toMatchObject({ state: 'pending' });
    await send(fileOf({}), '?prune=true');
    expect(await ended()).toEqual([1]);
    await service.call('POST', '/scheduler/resume');
  });

  it('keeps the grid of an interval without an anchor', async () => {
    const every = { trigger: { type: 'interval', everySeconds: 60 } };
    await send(fileOf({ a: every }));
    const [before] = await stored();
    expect(namesOf(await send(fileOf({ a: every })))).toMatchObject({ unchanged: ['a'] });
    expect(await stored()).toEqual([before]);
  });

  it('applies the whole file or nothing', async () => {
    await send(fileOf({ b: {} }));
    // The second write fails in the middle of the transaction.
    await runSql(service.database, `ALTER TABLE cronzimus.jobs ADD CONSTRAINT no_luck CHECK (name <> 'c') NOT VALID`);
    const answer = await send<Refusal>(fileOf({ a: {}, b: { priority: 1 }, c: {} }), '?prune=true');
    await runSql(service.database, 'ALTER TABLE cronzimus.jobs DROP CONSTRAINT no_luck');
    expect(answer.status).toBe(500);
    expect(await stored()).toMatchObject([{ name: 'b', priority: 0, version: 1 }]);
  });

  it('refuses a file with jobs of code or of another file, and names them all, unless they are unchanged', async () => {
    await service.given(finishedJob('of-a-file', 'wait', ofFile), finishedJob('of-another', 'wait', ofFile));
    const prune = { task: 'prune-runs', trigger: { type: 'cron', expression: '0 0 * * *' } };
    const refused = await send<Refusal>(fileOf({ a: {}, 'of-a-file': {}, 'of-another': {}, 'prune-runs': prune }));
    expect(refused).toMatchObject({ status: 409, body: { code: 'JOB_MANAGED_ELSEWHERE' } });
    expect(refused.body.errors.map(({ path }) => path).toSorted()).toEqual([
      '/jobs/of-a-file',
      '/jobs/of-another',
      '/jobs/prune-runs',
    ]);
    expect(await names()).toEqual(['of-a-file', 'of-another']);
    const same = { trigger: { type: 'date', at: '2026-06-01T12:00:00Z' } };
    const taken = await send(fileOf({ a: {}, 'of-a-file': same }));
    expect(namesOf(taken)).toMatchObject({ created: ['a'], unchanged: ['of-a-file'] });
  });

  it('creates each job once for ten concurrent requests', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(fileOf({ a: {}, b: {} }))));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(answers.flatMap(({ body }) => body.created)).toHaveLength(2);
    expect(await stored()).toMatchObject([{ version: 1 }, { version: 1 }]);
  });
});

describe('POST /jobs-file refuses', () => {
  it('a file with errors, and reports each with its pointer and line', async () => {
    const { status, body } = await send<Refusal>(`jobs:
  a:
    task: nope
    trigger: { type: cron, expression: '@daily' }
  b:
    task: echo
    trigger: { type: interval, everySeconds: 0 }
    retri: 1
`);
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'JOBS_FILE_INVALID' });
    expect(body.errors.map(({ path, line }) => ({ path, line }))).toEqual([
      { path: '/jobs/a/task', line: 3 },
      { path: '/jobs/b/trigger/everySeconds', line: 7 },
      { path: '/jobs/b/retri', line: 8 },
    ]);
    expect(await names()).toEqual([]);
  });

  const bomb = Array.from(
    { length: 12 },
    (_none, n) =>
      `a${n}: &a${n} [${Array(10)
        .fill(n ? `*a${n - 1}` : 0)
        .join()}]`,
  );
  it.each<[string, string | Buffer, string, number, string]>([
    ['invalid YAML', 'jobs: [', 'application/yaml', 400, 'JOBS_FILE_INVALID'],
    ['two documents', 'jobs: {}\n---\njobs: {}', 'application/yaml', 400, 'JOBS_FILE_INVALID'],
    ['a bomb of aliases', bomb.join('\n'), 'application/yaml', 400, 'JOBS_FILE_INVALID'],
    ['invalid JSON', '{', 'application/json', 400, 'MALFORMED_JSON'],
    ['YAML sent as JSON', 'jobs: {}', 'application/json', 400, 'MALFORMED_JSON'],
    ['more values than fit into memory', '- x: 1\n'.repeat(2_000_000), 'application/yaml', 400, 'JOBS_FILE_INVALID'],
    ['an empty file', '', 'application/yaml', 422, 'JOBS_FILE_INVALID'],
    ['a name twice in JSON', '{"jobs":{"a":{},"a":{}}}', 'application/json', 400, 'JOBS_FILE_INVALID'],
    ['Latin-1', Buffer.from('jobs: {} # ü', 'latin1'), 'application/yaml', 400, 'JOBS_FILE_INVALID'],
    ['JSON in Latin-1', Buffer.from('{"jobs":{"ü":1}}', 'latin1'), 'application/json', 400, 'JOBS_FILE_INVALID'],
    ['another type', 'jobs: {}', 'text/csv', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['more than 16 MiB', ' '.repeat(16 * 1024 * 1024 + 1), 'application/yaml', 413, 'PAYLOAD_TOO_LARGE'],
  ])('%s', async (_case, body, type, status, code) => {
    expect(await send<Refusal>(body, '', type)).toMatchObject({ status, body: { code } });
  });

  it.each([
    ['application/yaml', stringify],
    ['application/json', JSON.stringify],
  ])('a number that would change, as %s, with its path', async (type, write: (file: object) => string) => {
    const text = write(fileOf({ a: { input: { id: '#' } } })).replace(/"#"|'#'/, '9007199254740993');
    expect(await send<Refusal>(text, '', type)).toMatchObject({
      status: 422,
      body: { code: 'JOBS_FILE_INVALID', errors: [{ path: '/jobs/a/input/id', line: expect.any(Number) }] },
    });
    expect(await names()).toEqual([]);
  });

  it('the line of text that is not UTF-8', async () => {
    const body = Buffer.concat([Buffer.from('jobs: {}\n# ü\n# '), Buffer.from('ü', 'latin1')]);
    expect((await send<Refusal>(body)).body.errors).toEqual([
      { path: '', line: 3, message: expect.stringContaining('is not UTF-8') },
    ]);
  });

  it('an invalid parameter', async () => {
    const answer = await send<Refusal>('jobs: {}', '?prune=maybe');
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_PARAMETER' } });
  });
});

const get = async (accept?: string) => {
  const response = await fetch(`${service.url}/api/v1/jobs-file`, accept ? { headers: { Accept: accept } } : {});
  return { type: response.headers.get('content-type'), text: await response.text() };
};

const definitions = (database: string) =>
  runSql(
    database,
    `SELECT name, description, task, input, trigger, paused, priority, tags, timeout_seconds, retry, on_interruption,
       misfire, overlap FROM cronzimus.jobs WHERE source <> 'code' ORDER BY name`,
  );

describe('GET /jobs-file', () => {
  it.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['application/yaml', 'application/yaml'],
    ['text/yaml', 'text/yaml'],
    ['text/html', 'application/json'],
  ])('with Accept %s returns %s', async (accept, expected) => {
    const { type, text } = await get(accept);
    expect(type).toContain(expected);
    expect(parse(text)).toEqual({ jobs: {} });
  });

  it('leaves out defaults, and the jobs of code', async () => {
    await send(fileOf({ a: { retry: { limit: 2 }, input: {} } }));
    const { text } = await get('application/yaml');
    expect(text).toBe(`jobs:
  a:
    task: wait
    trigger:
      type: cron
      timeZone: America/New_York
      expression: 0 9 * * *
    retry:
      limit: 2
`);
  });

  const odd = [
    'yes',
    '0o7',
    '12:30:00',
    'a: b',
    ' lead\n  and more\n\n',
    'a\rb\u2028c',
    '*a',
    "it's",
    '🎉',
    'x'.repeat(200),
  ];
  const all = fileOf({
    plain: {},
    'every.field': {
      description: 'Line\n\n  and line',
      task: 'echo',
      input: { text: 'no', times: 3 },
      trigger: {
        ...daily,
        timeZone: 'Asia/Tokyo',
        startAt: '2026-01-01T00:00:00Z',
        endAt: '2090-01-01T00:00:00Z',
        jitterSeconds: 2,
      },
      paused: true,
      priority: -1,
      tags: ['yes', '1', 'ü'],
      timeoutSeconds: 0.1,
      retry: { limit: 1, delaySeconds: 0, backoff: 'fixed', maxDelaySeconds: 1 },
      onInterruption: 'fail',
      misfire: { policy: 'all', graceSeconds: 0, maxCatchUp: 1 },
      overlap: 'queue',
    },
    grid: { trigger: { type: 'interval', everySeconds: 7 } },
    'long.past': { trigger: { type: 'date', at: '2020-01-01T00:00:00Z' } },
    '0123': { task: 'sql', input: { statement: 'SELECT 1', values: [...odd, -1.5e-7, null, { yes: [odd] }] } },
  });

  it.each(['application/json', 'application/yaml'])('as %s creates the same jobs in another service', async (type) => {
    await send(all);
    await service.call('POST', '/jobs/grid/pause');
    await service.given(finishedJob('of-a-file', 'wait', ofFile));
    const file = (await get(type)).text;
    const folder = await mkdtemp(join(tmpdir(), 'cronzimus-export-'));
    await writeFile(join(folder, 'jobs.yaml'), file);
    const empty = await TestService.start({ JOBS_FILE: folder, DEFAULT_TIME_ZONE: 'Asia/Kolkata' });
    try {
      expect(await definitions(empty.database)).toEqual(await definitions(service.database));
      expect(await definitions(empty.database)).toHaveLength(6);
    } finally {
      await empty.stop();
      await rm(folder, { recursive: true });
    }
    const before = await stored();
    const again = await send(file, '?prune=true', type);
    expect(namesOf(again)).toMatchObject({ created: [], updated: [], deleted: [], unchanged: { length: 6 } });
    expect(await stored()).toEqual(before);
  });
});

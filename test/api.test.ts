import type { Job } from '../src/jobs/definition/job.entity.js';
import { jobRow } from './support/jobs.js';
import { type Page, finishedJob, TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

interface JobAnswer {
  name: string;
  [field: string]: unknown;
}
const names = ({ items }: Page<JobAnswer>) => items.map(({ name }) => name);
/** A time in a year that no test reaches. */
const at = (hour: number) => new Date(Date.UTC(2100, 0, 1, hour));
const waiting = (name: string, hour: number, written: Partial<Job> = {}) => {
  const trigger = { type: 'date', at: at(hour).toISOString() } as const;
  return jobRow(name, { task: 'echo', trigger, nextOccurrenceAt: at(hour), nextRunAt: at(hour), ...written });
};

describe('the list of jobs', () => {
  beforeAll(() =>
    service.given(
      waiting('list.a', 3, { tags: ['red', 'blue'], description: 'Über alles', updatedAt: at(1) }),
      waiting('list.b', 1, { tags: ['red'], updatedAt: at(3) }),
      waiting('list.c', 2, { paused: true, task: 'wait', updatedAt: at(2) }),
      waiting('list.d', 2, { updatedAt: at(2) }),
      finishedJob('list.e', 'echo', { source: 'file', owner: 'cronzimus', updatedAt: at(0) }),
    ),
  );

  it.each([
    ['q=list.', ['list.a', 'list.b', 'list.c', 'list.d', 'list.e']],
    ['q=LIST.A', ['list.a']],
    ['q=%C3%9Cber+AL', ['list.a']],
    ['q=%C3%BCber', ['list.a']],
    ['q=%25', []],
    ['q=list&state=active', ['list.a', 'list.b', 'list.d']],
    ['q=list&state=paused', ['list.c']],
    ['q=list&state=finished', ['list.e']],
    ['q=list&task=wait', ['list.c']],
    ['tag=red', ['list.a', 'list.b']],
    ['tag=re', []],
    ['source=file', ['list.e']],
    ['source=code', ['ledger.check', 'prune-runs']],
    ['q=list&tag=red&state=active&task=echo&source=api&limit=1', ['list.a']],
    ['q=list&sort=name', ['list.a', 'list.b', 'list.c', 'list.d', 'list.e']],
    ['q=list&sort=nextRunAt', ['list.b', 'list.d', 'list.a', 'list.c', 'list.e']],
    ['q=list&sort=-updatedAt', ['list.b', 'list.c', 'list.d', 'list.a', 'list.e']],
  ])('%s', async (query, expected) => {
    expect(names(await service.get(`/jobs?${query}`))).toEqual(expected);
  });

  it.each(['name', 'nextRunAt', '-updatedAt'])('sorted by %s shows each job once over its pages', async (sort) => {
    const found = await service.allPages<JobAnswer>(`/jobs?q=list&limit=1&sort=${sort}`);
    expect(found).toHaveLength(5);
    expect(found).toEqual((await service.get<Page<JobAnswer>>(`/jobs?q=list&sort=${sort}`)).items);
  });

  it('finds a job by its current name, description, tags and task', async () => {
    const definition = { input: { text: 'hi' }, trigger: { type: 'date', at: at(9).toISOString() } };
    const edit = (room: string, task: string, input: object) =>
      service.call('PUT', '/jobs/renamed', {
        ...definition,
        description: `Sweeps the ${room}`,
        tags: [room],
        task,
        input,
      });
    await edit('cellar', 'wait', {});
    await edit('attic', 'echo', { text: 'hi' });
    for (const found of ['q=the+ATTIC', 'tag=attic', 'q=tt&tag=attic', 'task=echo&q=sweeps'])
      expect(names(await service.get(`/jobs?${found}`))).toEqual(['renamed']);
    for (const lost of ['q=cellar', 'tag=cellar', 'task=wait&q=sweeps'])
      expect(names(await service.get(`/jobs?${lost}`))).toEqual([]);
    await service.call('DELETE', '/jobs/renamed');
    expect(names(await service.get('/jobs?tag=attic'))).toEqual([]);
  });

  it('shows each job once, even when over a thousand match', async () => {
    const numbered = Array.from({ length: 1_001 }, (_, number) => `crowd.${String(number).padStart(4, '0')}`);
    await service.given(...numbered.map((name) => waiting(name, 8, { tags: ['crowd'] })));
    for (const query of ['q=crowd', 'tag=crowd', 'tag=crowd&q=Crowd.'])
      expect((await service.allPages<JobAnswer>(`/jobs?${query}&limit=500`)).map(({ name }) => name)).toEqual(numbered);
  });

  it('shows no job twice and leaves none out when others are added meanwhile', async () => {
    const add = (...numbers: number[]) =>
      service.given(...numbers.map((number) => waiting(`paged.${number}`, number, { tags: ['paged'] })));
    const additions = [[2, 4], [0, 6], []];
    await add(1, 3, 5, 7);
    const found = await service.allPages<JobAnswer>('/jobs?tag=paged&limit=2', () => add(...additions.shift()!));
    expect(found.map(({ name }) => name)).toEqual(['paged.1', 'paged.3', 'paged.4', 'paged.5', 'paged.6', 'paged.7']);
  });
});

describe('a job', () => {
  it('has its definition, its state and its last run', async () => {
    await service.given(waiting('one', 5, { input: { text: 'hi' }, tags: ['x'] }));
    await service.given(waiting('one.paused', 5, { paused: true }));
    const next = { state: 'active', nextRunAt: at(5).toISOString() };
    const job = { name: 'one', task: 'echo', input: { text: 'hi' }, tags: ['x'], source: 'api', version: 1, ...next };
    expect(await service.get('/jobs/one')).toMatchObject({ ...job, lastRun: null });
    expect(await service.get('/jobs/one.paused')).toMatchObject({ state: 'paused', nextRunAt: null, paused: true });
    const { id } = await service.run('one', 'succeeded');
    const lastRun = { id, state: 'succeeded', reason: null, durationMs: expect.any(Number) };
    expect(await service.get('/jobs/one')).toMatchObject({ ...job, lastRun });
  });

  it('does not show the last run of a deleted job of the same name', async () => {
    await service.given(finishedJob('anew', 'echo', { input: { text: 'hi' } }));
    await service.run('anew', 'succeeded');
    expect(await service.call('DELETE', '/jobs/anew')).toMatchObject({ status: 204 });
    await service.given(finishedJob('anew', 'echo', { input: { text: 'hi' } }));
    expect(await service.get('/jobs/anew')).toMatchObject({ lastRun: null });
  });

  it('shows the requested number of its next occurrences', async () => {
    const weekdays = { type: 'cron', expression: '0 9 * * MON-FRI', timeZone: 'America/New_York' } as const;
    const trigger = { ...weekdays, startAt: null, endAt: '2100-01-08T00:00:00.000Z', jitterSeconds: 0 };
    await service.given(waiting('weekdays', 14, { trigger }));
    const days = ['01', '04', '05', '06', '07'].map((day) => `2100-01-${day}T14:00:00.000Z`);
    expect(await service.get('/jobs/weekdays/upcoming?count=2')).toEqual({ occurrences: days.slice(0, 2) });
    expect(await service.get('/jobs/weekdays/upcoming?count=1000')).toEqual({ occurrences: days });
    expect(await service.get('/jobs/list.e/upcoming')).toEqual({ occurrences: [] });
  });
});

describe('a manual run', () => {
  it('is accepted with a Location, and has output, lateness and duration when it has ended', async () => {
    await service.given(finishedJob('hello', 'echo', { input: { text: 'hi' } }));
    const { status, headers, body } = await service.call('POST', '/jobs/hello/run');
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/api/v1/runs/${String(body['id'])}`);
    expect(body).toMatchObject({ job: 'hello', kind: 'manual', state: 'pending', input: { text: 'hi' }, attempts: [] });
    const ended = await service.reaches(String(body['id']), 'succeeded');
    expect(ended).toMatchObject({ output: { text: 'hi' }, error: null, attempt: 1, attempts: [], missed: null });
    expect(ended).toMatchObject({ latenessMs: expect.any(Number), durationMs: expect.any(Number) });
    expect(ended['replica']).toMatch(/^\d+ \S+ pid \d+$/);
  });

  it('may have an input of its own, which has to fit the task', async () => {
    await service.given(finishedJob('own-input', 'echo', { input: { text: 'hi' } }));
    const refused = await service.call('POST', '/jobs/own-input/run', { input: { text: 5, extra: true } });
    expect(refused).toMatchObject({ status: 422, body: { code: 'INVALID_INPUT' } });
    expect(refused.body['errors']).toMatchObject([{ path: '/input/text' }, { path: '/input/extra' }]);
    const run = await service.run('own-input', 'succeeded', { text: 'ho', times: 2 });
    expect(run).toMatchObject({ input: { text: 'ho', times: 2 }, output: { text: 'hoho' } });
  });

  it('is refused while another run is unfinished, unless the job allows it', async () => {
    await service.given(finishedJob('busy', 'wait'), finishedJob('allowing', 'wait', { overlap: 'allow' }));
    await service.run('busy', 'running');
    expect(await service.call('POST', '/jobs/busy/run')).toMatchObject({ status: 409, body: { code: 'JOB_BUSY' } });
    await service.run('allowing', 'running');
    await service.run('allowing', 'running');
  });

  it('is allowed for a paused job, which stays paused', async () => {
    await service.given(waiting('halted', 9, { paused: true, input: { text: 'hi' } }));
    await service.run('halted', 'succeeded');
    expect(await service.get('/jobs/halted')).toMatchObject({ state: 'paused' });
  });
});

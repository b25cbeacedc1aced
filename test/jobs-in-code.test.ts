import { Jobs } from '../src/jobs/api/jobs-in-code.js';
import { type Page, TestService } from './support/service.js';

let service: TestService;
let jobs: Jobs;

beforeAll(async () => {
  service = await TestService.start();
  jobs = service.app.get(Jobs, { strict: false });
});
afterAll(() => service.stop());

const yearly = { type: 'cron', expression: '@yearly' } as const;

describe('Jobs, injected into the code of a user', () => {
  it('creates, changes, runs, pauses and resumes jobs as the API does, and the audit names code', async () => {
    const made = await jobs.upsert('mine', { task: 'echo', trigger: yearly, input: { text: 'a' } });
    expect(made).toMatchObject({ name: 'mine', source: 'api', version: 1, state: 'active' });
    expect(await jobs.upsert('mine', { task: 'echo', trigger: yearly, input: { text: 'b' } })).toMatchObject({
      version: 2,
    });
    const { id } = await jobs.run('mine', { text: 'c' });
    expect(await service.reaches(id, 'succeeded')).toMatchObject({ output: { text: 'c' }, kind: 'manual' });
    expect(await jobs.pause('mine')).toMatchObject({ state: 'paused' });
    expect(await jobs.resume('mine')).toMatchObject({ state: 'active' });
    const { items } = await service.get<Page<{ by: string; action: string }>>('/audit?job=mine');
    expect(items.map(({ by, action }) => `${by} ${action}`)).toEqual([
      'code job.resume',
      'code job.pause',
      'code job.run',
      'code job.update',
      'code job.create',
    ]);
  });

  it('refuse an input for one run with a number that JSON would change', async () => {
    await jobs.upsert('counted', { task: 'echo', trigger: yearly, input: { text: 'a' } });
    for (const times of [NaN, Infinity, 9007199254740993n])
      await expect(jobs.run('counted', { text: 'a', times })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        errors: [{ path: '/input/times' }],
      });
  });

  it.each([
    ['Bad Name', { task: 'echo', trigger: yearly, input: { text: 'a' } }, 'INVALID_BODY'],
    ['bad-input', { task: 'echo', trigger: yearly }, 'INVALID_INPUT'],
    ['bad-task', { task: 'nobody', trigger: yearly }, 'UNKNOWN_TASK'],
    ['prune-runs', { task: 'echo', trigger: yearly, input: { text: 'a' } }, 'JOB_MANAGED_ELSEWHERE'],
  ])('refuse %s as the API does', async (name, definition, code) => {
    await expect(jobs.upsert(name, definition)).rejects.toMatchObject({ code });
    await expect(jobs.run('nobody')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from './support/eventually.js';
import { type Page, type RunAnswer, TestService } from './support/service.js';

const SCRIPT = join(import.meta.dirname, '..', 'charts', 'cronzimus', 'files', 'exactly-once.mjs');
const KEY = 'a-key-for-this-test-alone';

/** Runs the script of the `helm test` pod with these variables. */
async function helmTest(variables: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const { PATH, NODE_OPTIONS } = process.env;
  const env = { PATH, NODE_OPTIONS, TASK: 'table-sizes', SECONDS: '30', ...variables };
  const child = spawn(process.execPath, [SCRIPT], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

describe('helm test', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await TestService.start({ API_KEYS: `test:admin:${KEY}` });
  });
  afterAll(() => service.stop());

  const authorized = { Authorization: `Bearer ${KEY}` };
  const get = async <T>(path: string) => (await service.call<T>('GET', path, undefined, authorized)).body;

  it('passes when one occurrence runs once, and leaves no job behind', async () => {
    const { code, output } = await helmTest({ URL: service.url, KEY });
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('ran once') as string });
    expect((await get<Page<RunAnswer>>('/runs?kind=schedule')).items).toMatchObject([
      { task: 'table-sizes', state: 'succeeded' },
    ]);
    expect((await get<Page<object>>('/jobs?q=helm-test')).items).toEqual([]);
  });

  it('fails when the occurrence does not run', async () => {
    await service.call('POST', '/scheduler/pause', undefined, authorized);
    const { code, output } = await helmTest({ URL: service.url, KEY, SECONDS: '8' });
    await service.call('POST', '/scheduler/resume', undefined, authorized);
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining('not seen within 8 s') as string });
  });

  it('fails when the run fails, and with a wrong key', async () => {
    expect(await helmTest({ URL: service.url, KEY, TASK: 'sql' })).toMatchObject({ code: 1 });
    expect(await helmTest({ URL: service.url, KEY: 'wrong', SECONDS: '3' })).toMatchObject({ code: 1 });
  });

  it('fails when the occurrence runs more than once', async () => {
    const twice = helmTest({ URL: service.url, KEY });
    const { name } = await eventually(async () => {
      const [job] = (await get<Page<{ name: string }>>('/jobs?q=helm-test')).items;
      if (!job) throw new Error('no job of the test');
      return job;
    });
    await service.call('POST', `/jobs/${name}/run`, {}, authorized);
    expect(await twice).toMatchObject({ code: 1 });
  });
});

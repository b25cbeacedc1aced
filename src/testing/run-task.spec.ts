import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { RunContext } from '../tasks/run-context.js';
import { Task, type TaskHandler } from '../tasks/task.decorator.js';
import { runTask } from './run-task.js';

const input = z.strictObject({ name: z.string(), times: z.int().min(1).default(2) });

@Injectable()
@Task({ name: 'greet', input })
class Greet implements TaskHandler<typeof input> {
  constructor(@Inject('GREETING') private readonly greeting: string) {}

  async run({ name, times }: z.infer<typeof input>, { log, attempt, transaction }: RunContext) {
    log.info({ attempt }, 'greeting');
    if (name === 'database') await transaction(async () => {});
    if (name === 'function') return () => 1;
    return { at: new Date(0), text: `${this.greeting} ${name} `.repeat(times) };
  }
}
const providers = [{ provide: 'GREETING', useValue: 'Hello' }];

describe('runTask', () => {
  it('gives the task its input with defaults, its providers and its context, and returns the output that the run would store', async () => {
    expect(await runTask(Greet, { name: 'Ann' }, { providers, attempt: 3 })).toEqual({
      output: { at: '1970-01-01T00:00:00.000Z', text: 'Hello Ann Hello Ann ' },
      logs: [{ level: 'info', message: 'greeting', fields: { attempt: 3 } }],
    });
  });

  it.each([
    ['an input that the schema rejects', { name: 'Ann', times: 0 }, 'INVALID_INPUT'],
    ['an output that cannot be stored', { name: 'function' }, 'OUTPUT_NOT_STORABLE'],
    ['a transaction without a database', { name: 'database' }, 'TEST_WITHOUT_DATABASE'],
  ])('rejects for %s', async (_case, given, code) => {
    await expect(runTask(Greet, given, { providers })).rejects.toMatchObject({ code });
  });
});

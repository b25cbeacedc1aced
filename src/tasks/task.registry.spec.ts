import { Injectable } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { z } from 'zod';
import { ENVIRONMENT } from '../config/environment.js';
import { inputSchemaOf } from './input-schema.js';
import { Task, type TaskHandler } from './task.decorator.js';
import { TaskRegistry } from './task.registry.js';
import type { TaskView } from './task.view.js';

const own = z.strictObject({ text: z.string() });

@Injectable()
@Task({ name: 'own', input: own })
class Own implements TaskHandler<typeof own> {
  run() {}
}

const input = z.strictObject({ url: z.url(), times: z.int().default(1), to: z.union([z.email(), z.int()]).optional() });
const published = (name: string, schema = input as z.ZodObject): TaskView => {
  return { name, description: '', transactional: false, input: inputSchemaOf(schema), workers: 1 };
};

let calls = 0;
/** What other processes have published. */
const others = async () => {
  calls += 1;
  return [published('own', z.strictObject({})), published('theirs'), published('disabled'), published('sql')];
};

let registry: TaskRegistry;
beforeEach(async () => {
  calls = 0;
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    providers: [TaskRegistry, Own, { provide: ENVIRONMENT, useValue: { TASKS_DISABLED: ['disabled'] } }],
  }).compile();
  await module.init();
  registry = module.get(TaskRegistry);
});

describe('validating an input before it is stored', () => {
  it('uses the schema of this process, whatever others have published', async () => {
    await expect(registry.validate('own', { text: 'x' }, others)).resolves.toBeUndefined();
    await expect(registry.validate('own', {}, others)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(calls).toBe(0);
  });

  it('uses the published schema for a task that only other processes have', async () => {
    await expect(registry.validate('theirs', { url: 'https://a.bc' }, others)).resolves.toBeUndefined();
    await expect(
      registry.validate('theirs', { url: 'https://a.bc', times: 'x', more: 1 }, others),
    ).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      errors: [
        { path: '/input/times', message: expect.any(String) },
        { path: '/input/more', message: 'Unknown field' },
      ],
    });
  });

  it('accepts references to secrets with a published schema too, and checks everything else', async () => {
    const secret = { $secret: 'word' };
    await expect(registry.validate('theirs', { url: secret, to: secret }, others)).resolves.toBeUndefined();
    await expect(registry.validate('theirs', { url: secret, times: 'x' }, others)).rejects.toMatchObject({
      errors: [{ path: '/input/times' }],
    });
    await expect(registry.validate('theirs', { url: { $secret: '../x' } }, others)).rejects.toMatchObject({
      errors: [{ path: '/input/url', message: expect.stringContaining('A reference is') }],
    });
  });

  it.each([NaN, Infinity, -Infinity, 9007199254740993n])(
    'refuses the number %s, which JSON does not have, also for a task that would take it',
    async (number) => {
      for (const task of ['own', 'theirs'])
        await expect(registry.validate(task, { text: 'x', more: [{ number }] }, others)).rejects.toMatchObject({
          code: 'INVALID_INPUT',
          errors: [{ path: '/input/more/0/number', message: expect.stringContaining('write it as a string') }],
        });
    },
  );

  it('refuses a task that no process has, and lists all known tasks', async () => {
    await expect(registry.validate('nope', {}, others)).rejects.toMatchObject({
      code: 'UNKNOWN_TASK',
      message: 'Task "nope" is not registered; known tasks: own, theirs',
    });
  });

  it.each(['disabled', 'sql'])(
    'refuses %s, which this process leaves out on purpose, although others have it',
    async (name) => {
      await expect(registry.validate(name, { url: 'https://a.bc' }, others)).rejects.toMatchObject({
        code: 'UNKNOWN_TASK',
      });
    },
  );

  it('knows only the tasks of this process when no published tasks are given', async () => {
    await expect(registry.validate('theirs', { url: 'https://a.bc' })).rejects.toMatchObject({ code: 'UNKNOWN_TASK' });
  });
});

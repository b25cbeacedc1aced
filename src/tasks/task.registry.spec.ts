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

let asked = 0;
const others = async () => {
  asked += 1;
  return [published('own', z.strictObject({})), published('theirs'), published('disabled'), published('sql')];
};

let registry: TaskRegistry;
beforeEach(async () => {
  asked = 0;
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    providers: [TaskRegistry, Own, { provide: ENVIRONMENT, useValue: { TASKS_DISABLED: ['disabled'] } }],
  }).compile();
  await module.init();
  registry = module.get(TaskRegistry);
});

describe('an input that is to be stored', () => {
  it('for a task of this process is checked by it, whatever others have published', async () => {
    await expect(registry.validate('own', { text: 'x' }, others)).resolves.toBeUndefined();
    await expect(registry.validate('own', {}, others)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(asked).toBe(0);
  });

  it('for a task that only others have is checked by what they have published', async () => {
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

  it('may refer to secrets there too, and is checked beside them', async () => {
    const secret = { $secret: 'word' };
    await expect(registry.validate('theirs', { url: secret, to: secret }, others)).resolves.toBeUndefined();
    await expect(registry.validate('theirs', { url: secret, times: 'x' }, others)).rejects.toMatchObject({
      errors: [{ path: '/input/times' }],
    });
    await expect(registry.validate('theirs', { url: { $secret: '../x' } }, others)).rejects.toMatchObject({
      errors: [{ path: '/input/url', message: expect.stringContaining('A reference is') }],
    });
  });

  it('for a task that nobody has is refused, and all that there are named', async () => {
    await expect(registry.validate('nope', {}, others)).rejects.toMatchObject({
      code: 'UNKNOWN_TASK',
      message: 'Task "nope" is not registered; known tasks: own, theirs',
    });
  });

  it.each(['disabled', 'sql'])(
    'for %s, which this process leaves out on purpose, is refused though others have it',
    async (name) => {
      await expect(registry.validate(name, { url: 'https://a.bc' }, others)).rejects.toMatchObject({
        code: 'UNKNOWN_TASK',
      });
    },
  );

  it('by code is for a task of this process', async () => {
    await expect(registry.validate('theirs', { url: 'https://a.bc' })).rejects.toMatchObject({ code: 'UNKNOWN_TASK' });
  });
});

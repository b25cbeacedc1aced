import { Injectable } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { z } from 'zod';
import { ENVIRONMENT } from '../config/environment.js';
import { HttpTask } from './http.task.js';
import { Task } from './task.decorator.js';
import { TaskRegistry } from './task.registry.js';
import { TasksController } from './tasks.controller.js';

@Injectable()
@Task({ name: 'plain' })
class Plain {
  run() {}
}

@Injectable()
@Task({ name: 'odd', input: z.object({ since: z.date() }) })
class Odd {
  run() {}
}

const list = async (...disabled: string[]) => {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    controllers: [TasksController],
    providers: [
      TaskRegistry,
      HttpTask,
      Plain,
      Odd,
      { provide: ENVIRONMENT, useValue: { HOST: 'localhost', TASKS_DISABLED: disabled } },
    ],
  }).compile();
  await module.init();
  return module.get(TasksController).list();
};

describe('GET /tasks', () => {
  it('shows each task by name, with what it takes as JSON Schema', async () => {
    const { items, nextCursor } = await list();
    expect(nextCursor).toBeNull();
    expect(items.map(({ name }) => name)).toEqual(['http', 'odd', 'plain']);
    expect(items[0]).toMatchObject({
      description: expect.stringContaining('HTTP request'),
      input: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        required: ['url'],
        additionalProperties: false,
        properties: {
          method: { default: 'GET', enum: expect.arrayContaining(['GET', 'POST']) },
          expectStatus: {
            anyOf: [
              { type: 'integer', minimum: 200, maximum: 599 },
              { type: 'array', minItems: 1 },
            ],
          },
        },
      },
    });
  });

  it('shows a task without a schema as one that takes an empty object', async () => {
    expect((await list()).items[2]?.input).toEqual({ type: 'object', properties: {}, additionalProperties: false });
  });

  it('admits anything where JSON Schema has no word for it', async () => {
    expect((await list()).items[1]?.input).toMatchObject({ properties: { since: {} } });
  });

  it('leaves out what TASKS_DISABLED names', async () => {
    expect((await list('http', 'odd')).items.map(({ name }) => name)).toEqual(['plain']);
  });
});

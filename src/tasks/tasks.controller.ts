import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Role } from '../auth/role.decorator.js';
import { API } from '../http/api.js';
import { type Page, pageSchema } from '../http/page.js';
import { inputSchemaOf } from './input-schema.js';
import { TaskRegistry } from './task.registry.js';

const taskView = z
  .object({
    name: z.string(),
    description: z.string(),
    input: z.record(z.string(), z.unknown()).describe('JSON Schema (2020-12) of the input that a job may give'),
  })
  .meta({ id: 'Task', description: 'Code that jobs can run.' });

export type TaskView = z.infer<typeof taskView>;

@ApiTags('tasks')
@Role('viewer')
@Controller(`${API}/tasks`)
export class TasksController {
  constructor(private readonly tasks: TaskRegistry) {}

  @Get()
  @ApiOperation({ summary: 'List tasks', description: 'All tasks that jobs can run, by name, on one page.' })
  @ApiResponse({ status: 200, description: 'The tasks', standardSchema: pageSchema(taskView).meta({ id: 'TaskPage' }) })
  list(): Page<TaskView> {
    const items = this.tasks.all().map(({ options: { name, description = '', input } }) => ({
      name,
      description,
      input: inputSchemaOf(input),
    }));
    return { items, nextCursor: null };
  }
}

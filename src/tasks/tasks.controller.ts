import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Role } from '../auth/role.decorator.js';
import { ApiDatabase } from '../database/api-database.js';
import { API } from '../http/api.js';
import { type Page, pageSchema } from '../http/page.js';
import { Problems } from '../http/problems.decorator.js';
import { publishedTasks } from './published-tasks.js';
import { type TaskView, taskView } from './task.view.js';

@ApiTags('tasks')
@Problems(503)
@Role('viewer')
@Controller(`${API}/tasks`)
export class TasksController {
  constructor(private readonly database: ApiDatabase) {}

  @Get()
  @ApiOperation({
    summary: 'List tasks',
    description:
      'The tasks of all live workers, sorted by name, on one page. When workers have different versions of a task, the one of the worker that started last is returned.',
  })
  @ApiResponse({ status: 200, description: 'The tasks', standardSchema: pageSchema(taskView).meta({ id: 'TaskPage' }) })
  async list(): Promise<Page<TaskView>> {
    return { items: await this.database.transaction(publishedTasks), nextCursor: null };
  }
}

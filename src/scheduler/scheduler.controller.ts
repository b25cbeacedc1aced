import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Actor } from '../auth/actor.js';
import { Role } from '../auth/role.decorator.js';
import { API } from '../http/api.js';
import { Problems } from '../http/problems.decorator.js';
import { pauseRequest, UntilInPastError } from '../jobs/history/pause-request.js';
import { SchedulerSwitch } from './scheduler-switch.js';
import { schedulerView } from './scheduler.view.js';

@ApiTags('scheduler')
@Problems(503)
@Role('viewer')
@Controller(`${API}/scheduler`)
export class SchedulerController {
  constructor(private readonly scheduler: SchedulerSwitch) {}

  @Get()
  @ApiOperation({ summary: 'Show the scheduler', description: 'Whether it is paused, and the live replicas.' })
  @ApiResponse({ status: 200, description: 'The scheduler', standardSchema: schedulerView })
  read() {
    return this.scheduler.read();
  }

  @Post('pause')
  @Role('admin')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Pause the scheduler',
    description:
      'No replica dispatches or starts runs, until it is resumed or until `until`. Running tasks continue. During a pause, this replaces the reason and the end.',
  })
  @ApiBody({ required: false })
  @ApiResponse({ status: 200, description: 'The scheduler', standardSchema: schedulerView })
  @Problems(422, new UntilInPastError(new Date('2020-01-01T00:00:00Z')))
  pause(@Body({ schema: pauseRequest.prefault({}) }) terms: z.output<typeof pauseRequest>, @Actor() actor: Actor) {
    return this.scheduler.pause(actor, terms);
  }

  @Post('resume')
  @Role('admin')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Resume the scheduler',
    description: 'Queued runs start. The occurrences of the pause become one skipped row for each job.',
  })
  @ApiResponse({ status: 200, description: 'The scheduler', standardSchema: schedulerView })
  resume(@Actor() actor: Actor) {
    return this.scheduler.resume(actor);
  }
}

import { Controller, Get, HttpCode, Param, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Actor } from '../../auth/actor.js';
import { Role } from '../../auth/role.decorator.js';
import { API } from '../../http/api.js';
import { pageSchema } from '../../http/page.js';
import { Problems } from '../../http/problems.decorator.js';
import { logsQuery, runsQuery, type RunsQuery } from './read-runs.js';
import { logLineView, runItem, runView } from './run.view.js';
import { finishedRun, RunProblems, unknownRun } from './run-problems.js';
import { RunsService } from './runs.service.js';

export const runId = z.uuid('The id of a run is a UUID').describe('The id of the run');

@ApiTags('runs')
@Problems(503)
@Role('viewer')
@UseInterceptors(RunProblems)
@Controller(`${API}/runs`)
export class RunsController {
  constructor(private readonly runs: RunsService) {}

  @Get()
  @ApiOperation({
    summary: 'List runs',
    description: 'Newest first. Items leave out inputs, outputs, attempts and stacks.',
  })
  @ApiResponse({
    status: 200,
    description: 'A page of runs',
    standardSchema: pageSchema(runItem).meta({ id: 'RunPage' }),
  })
  list(@Query({ schema: runsQuery }) query: RunsQuery) {
    return this.runs.list(query);
  }

  @Get(':id')
  @ApiOperation({
    summary: 'Get a run',
    description: 'Includes its input, output and error, and the attempts that did not succeed.',
  })
  @ApiResponse({ status: 200, description: 'The run', standardSchema: runView })
  @Problems(unknownRun)
  get(@Param('id', { schema: runId }) id: string) {
    return this.runs.get(id);
  }

  @Post(':id/cancel')
  @Role('operator')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Cancel a run',
    description:
      'A run that has not started is cancelled at once. The signal of a running attempt aborts within two seconds, on any replica. Ten seconds after that the run is final, even if its task does not stop.',
  })
  @ApiResponse({ status: 202, description: 'The run: cancelled, or still running', standardSchema: runView })
  @Problems(unknownRun, finishedRun)
  cancel(@Param('id', { schema: runId }) id: string, @Actor() actor: Actor) {
    return this.runs.cancel(id, actor);
  }

  @Get(':id/logs')
  @ApiOperation({
    summary: 'Read the log of a run',
    description:
      'The lines that its task wrote, oldest first. Where lines were dropped, a line of level `warn` says how many are missing.',
  })
  @ApiResponse({
    status: 200,
    description: 'A page of log lines',
    standardSchema: pageSchema(logLineView).meta({ id: 'LogPage' }),
  })
  @Problems(unknownRun)
  logs(@Param('id', { schema: runId }) id: string, @Query({ schema: logsQuery }) query: z.output<typeof logsQuery>) {
    return this.runs.logs(id, query);
  }
}

import { Controller, Get, HttpCode, Param, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { Actor } from '../../auth/actor.js';
import { Role } from '../../auth/role.decorator.js';
import { API } from '../../http/api.js';
import { AcceptsIdempotencyKey, IdempotencyKey } from '../../http/idempotency-key.js';
import { pageSchema } from '../../http/page.js';
import { Problems } from '../../http/problems.decorator.js';
import { logsQuery, runsQuery, type RunsQuery } from './read-runs.js';
import { logLineView, runItem, runLocation, runView } from './run.view.js';
import { finishedRun, neverStartedRun, RunProblems, unfinishedRun, unknownRun } from './run-problems.js';
import { RunsService } from './runs.service.js';

const runId = z.uuid('A run id is a UUID').describe('The id of the run');

@ApiTags('runs')
@Problems(503)
@Role('viewer')
@UseInterceptors(RunProblems)
@Controller(`${API}/runs`)
export class RunsController {
  constructor(private readonly runs: RunsService) {}

  @Get()
  @ApiOperation({ summary: 'List runs', description: 'The newest first, without inputs, outputs and stacks.' })
  @ApiResponse({
    status: 200,
    description: 'A page of runs',
    standardSchema: pageSchema(runItem).meta({ id: 'RunPage' }),
  })
  list(@Query({ schema: runsQuery }) query: RunsQuery) {
    return this.runs.list(query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a run', description: 'With its input, output, error and unsuccessful attempts.' })
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
      'At once where it has not started; else its signal aborts, on whichever replica, within two seconds; it is final at the latest ten seconds later.',
  })
  @ApiResponse({ status: 202, description: 'The run, cancelled or still running', standardSchema: runView })
  @Problems(unknownRun, finishedRun)
  cancel(@Param('id', { schema: runId }) id: string, @Actor() actor: Actor) {
    return this.runs.cancel(id, actor);
  }

  @Post(':id/retry')
  @Role('operator')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Run it again',
    description:
      'Queues a new run of kind `retry` with the input and the policies of the old one, whatever has become of the job. The overlap rule does not count it.',
  })
  @AcceptsIdempotencyKey()
  @ApiResponse({ status: 202, description: 'The new run, pending', standardSchema: runView, headers: runLocation })
  @Problems(unknownRun, unfinishedRun, neverStartedRun)
  async retry(
    @Param('id', { schema: runId }) id: string,
    @Actor() actor: Actor,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ) {
    const run = await this.runs.retry(id, actor, key);
    response.location(`/${API}/runs/${run.id}`);
    return run;
  }

  @Get(':id/logs')
  @ApiOperation({ summary: 'Read the log of a run', description: 'What its task wrote, the oldest line first.' })
  @ApiResponse({
    status: 200,
    description: 'A page of lines',
    standardSchema: pageSchema(logLineView).meta({ id: 'LogPage' }),
  })
  @Problems(unknownRun)
  logs(@Param('id', { schema: runId }) id: string, @Query({ schema: logsQuery }) query: z.output<typeof logsQuery>) {
    return this.runs.logs(id, query);
  }
}

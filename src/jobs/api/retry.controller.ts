import { Controller, HttpCode, Param, Post, Res, UseInterceptors } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Actor } from '../../auth/actor.js';
import { Role } from '../../auth/role.decorator.js';
import { API } from '../../http/api.js';
import { AcceptsIdempotencyKey, IdempotencyKey } from '../../http/idempotency-key.js';
import { Problems } from '../../http/problems.decorator.js';
import { neverStartedRun, RunProblems, unfinishedRun, unknownRun } from '../../runs/api/run-problems.js';
import { runLocation, runView } from '../../runs/api/run.view.js';
import { runId } from '../../runs/api/runs.controller.js';
import { JobBusyError } from '../definition/job-errors.js';
import { Retry } from './retry.service.js';

/** A route of runs that needs the job of the run, so it is here and not with the others. */
@ApiTags('runs')
@Problems(503)
@Role('operator')
@UseInterceptors(RunProblems)
@Controller(`${API}/runs/:id/retry`)
export class RetryController {
  constructor(private readonly retries: Retry) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Retry a run',
    description:
      'Queues a new run of kind `retry` with the task, the input and the policies of the old one, even if the job was edited or deleted since. The overlap policy of the job applies as to a manual run. Without the role admin, the task and the input must be those that the job has now.',
  })
  @AcceptsIdempotencyKey()
  @ApiResponse({ status: 202, description: 'The new run, pending', standardSchema: runView, headers: runLocation })
  @Problems(unknownRun, unfinishedRun, neverStartedRun, new JobBusyError('billing.nightly', 'skip'))
  async retry(
    @Param('id', { schema: runId }) id: string,
    @Actor() actor: Actor,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ) {
    const run = await this.retries.retry(id, actor, key);
    response.location(`/${API}/runs/${run.id}`);
    return run;
  }
}

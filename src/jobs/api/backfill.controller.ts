import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Actor } from '../../auth/actor.js';
import { TooManyWrongKeysError } from '../../auth/auth-errors.js';
import { Role } from '../../auth/role.decorator.js';
import { Caller } from '../../compute/caller.js';
import { ComputationFailedError } from '../../compute/compute-thread.js';
import { TooManyWaitingError } from '../../core/fair-queue.js';
import { API } from '../../http/api.js';
import { AcceptsIdempotencyKey, IdempotencyKey } from '../../http/idempotency-key.js';
import { Problems } from '../../http/problems.decorator.js';
import { BackfillInFutureError, BackfillTooLargeError, JobNotFoundError } from '../definition/job-errors.js';
import { jobName } from '../definition/job.schema.js';
import { type BackfillRequest, backfillRequest, backfillView, cancelledBackfillView } from './backfill.schema.js';
import { Backfill } from './backfill.service.js';

const unknownJob = new JobNotFoundError('billing.nightly');

@ApiTags('jobs')
@Problems(503)
@Role('operator')
@Controller(`${API}/jobs/:name/backfill`)
export class BackfillController {
  constructor(private readonly backfill: Backfill) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Run past occurrences',
    description:
      'Queues a run for each occurrence in the range, at most 10,000, unless it has a run that succeeded or is unfinished. Backfill runs start after all other runs and use at most half of the slots of a worker. They run in parallel: `overlap` does not apply to them.',
  })
  @AcceptsIdempotencyKey()
  @ApiResponse({ status: 202, description: 'The runs, pending', standardSchema: backfillView })
  @Problems(
    unknownJob,
    422,
    new BackfillTooLargeError(10_000),
    new BackfillInFutureError(new Date(0)),
    new TooManyWrongKeysError(60),
    new TooManyWaitingError(),
    503,
    new ComputationFailedError(),
  )
  start(
    @Param('name', { schema: jobName }) name: string,
    @Body({ schema: backfillRequest }) request: BackfillRequest,
    @Actor() actor: Actor,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
  ) {
    return this.backfill.queueBackfill(name, actor, request, caller, key);
  }

  @Post('cancel')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Cancel the backfill of a job',
    description:
      'Cancels every unfinished backfill run of the job. A run that has not started is cancelled at once. A running one is signalled to stop.',
  })
  @ApiResponse({
    status: 202,
    description: 'How many runs were cancelled, or signalled to stop',
    standardSchema: cancelledBackfillView,
  })
  @Problems(unknownJob)
  cancel(@Param('name', { schema: jobName }) name: string, @Actor() actor: Actor) {
    return this.backfill.cancelBackfill(name, actor);
  }
}

import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Actor } from '../../auth/actor.js';
import { Role } from '../../auth/role.decorator.js';
import { API } from '../../http/api.js';
import { AcceptsIdempotencyKey, IdempotencyKey } from '../../http/idempotency-key.js';
import { Problems } from '../../http/problems.decorator.js';
import { type BackfillRequest, backfillRequest, backfillView } from './backfill.schema.js';
import { Backfill } from './backfill.service.js';
import { BackfillInFutureError, BackfillTooLargeError, JobNotFoundError } from '../definition/job-errors.js';
import { jobName } from '../definition/job.schema.js';

const cancelledView = z
  .object({ count: z.int().describe('How many runs') })
  .meta({ id: 'CancelledBackfill', examples: [{ count: 21 }] });
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
    summary: 'Run the occurrences of a time that is over',
    description:
      'A run for each of at most 10,000 occurrences before the next one, but for those that succeeded or are under way. They wait for all that is live, fill at most half of a worker, and run beside each other: overlap does not count them.',
  })
  @AcceptsIdempotencyKey()
  @ApiResponse({ status: 202, description: 'The runs, pending', standardSchema: backfillView })
  @Problems(unknownJob, 422, new BackfillTooLargeError(10_000), new BackfillInFutureError(new Date(0)))
  start(
    @Param('name', { schema: jobName }) name: string,
    @Body({ schema: backfillRequest }) request: BackfillRequest,
    @Actor() actor: Actor,
    @IdempotencyKey() key: string | undefined,
  ) {
    return this.backfill.start(name, actor, request, key);
  }

  @Post('cancel')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Cancel the backfill of a job',
    description: 'Every backfill run of the job that is not finished: at once where it has not started.',
  })
  @ApiResponse({ status: 202, description: 'How many runs were cancelled or told to', standardSchema: cancelledView })
  @Problems(unknownJob)
  cancel(@Param('name', { schema: jobName }) name: string, @Actor() actor: Actor) {
    return this.backfill.cancel(name, actor);
  }
}

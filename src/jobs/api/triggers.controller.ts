import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { TooManyWrongKeysError } from '../../auth/auth-errors.js';
import { Role } from '../../auth/role.decorator.js';
import { Caller } from '../../compute/caller.js';
import { Compute } from '../../compute/compute.js';
import { ComputationFailedError } from '../../compute/compute-thread.js';
import { TooManyWaitingError } from '../../core/fair-queue.js';
import { previewRequest } from '../../compute/preview.js';
import { API } from '../../http/api.js';
import { BodyLimit } from '../../http/bodies.js';
import { Problems } from '../../http/problems.decorator.js';
import { invalidBody, validatedByHandler } from '../../http/schema.pipe.js';
import { exampleOccurrences } from '../definition/upcoming-occurrences.js';
import { DatabaseClock } from '../dispatch/database-clock.js';

const preview = z
  .object({
    description: z.string().describe('The trigger as an English sentence'),
    occurrences: z.array(z.date()),
    notes: z.array(z.string()).describe('What may be unexpected: clock changes, how days combine, …'),
  })
  .meta({
    id: 'Preview',
    examples: [
      {
        description: 'At 02:00 (Europe/Berlin)',
        occurrences: exampleOccurrences,
        notes: [],
      },
    ],
  });

@ApiTags('triggers')
@Role('viewer')
@Controller(`${API}/triggers`)
export class TriggersController {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly clock: DatabaseClock,
    private readonly compute: Compute,
  ) {}

  @Post('preview')
  @BodyLimit(64 * 1024)
  @HttpCode(200)
  @ApiOperation({
    summary: 'Preview a trigger',
    description: 'Shows when a job with this trigger would run, and creates nothing.',
  })
  @ApiResponse({ status: 200, description: 'The description and the occurrences', standardSchema: preview })
  @Problems(422, new TooManyWrongKeysError(60), new TooManyWaitingError(), new ComputationFailedError())
  async preview(@Body({ schema: validatedByHandler(previewRequest) }) body: unknown, @Caller() caller: Caller) {
    const input = { body, now: this.clock.now(), timeZone: this.environment.DEFAULT_TIME_ZONE };
    const result = await this.compute.preview(caller, input);
    if (Array.isArray(result)) throw invalidBody(result);
    return result;
  }
}

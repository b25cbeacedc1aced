import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { describeTrigger } from '../../core/triggers/describe-trigger.js';
import { occurrencesFrom } from '../../core/triggers/occurrences-from.js';
import { completeTrigger, openTrigger, triggerInput } from '../../core/triggers/trigger.js';
import { notesOf } from '../../core/triggers/trigger-notes.js';
import { Role } from '../../auth/role.decorator.js';
import { API } from '../../http/api.js';
import { BodyLimit } from '../../http/bodies.js';
import { Problems } from '../../http/problems.decorator.js';
import { exampleDefinition } from '../definition/job.schema.js';
import { exampleOccurrences } from '../definition/upcoming-occurrences.js';
import { DatabaseClock } from '../dispatch/database-clock.js';

const previewRequest = z
  .strictObject({
    trigger: triggerInput,
    after: z.iso.datetime({ offset: true }).optional().describe('Only occurrences after this time. Default: now'),
    count: z.int().min(1).max(1000).default(5),
  })
  .meta({
    id: 'PreviewRequest',
    examples: [{ trigger: exampleDefinition.trigger, after: '2026-11-23T12:00:00Z', count: 2 }],
  });

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
  ) {}

  @Post('preview')
  @BodyLimit(64 * 1024)
  @HttpCode(200)
  @ApiOperation({
    summary: 'Preview a trigger',
    description: 'Shows when a job with this trigger would run, and creates nothing.',
  })
  @ApiResponse({ status: 200, description: 'The description and the occurrences', standardSchema: preview })
  @Problems(422)
  async preview(@Body({ schema: previewRequest }) { trigger, after, count }: z.output<typeof previewRequest>) {
    const start = after === undefined ? this.clock.now() : new Date(after);
    const definition = completeTrigger(trigger, { timeZone: this.environment.DEFAULT_TIME_ZONE, createdAt: start });
    const opened = openTrigger(definition, 'preview');
    const occurrences = await occurrencesFrom(opened, opened.next(start), count);
    return { description: describeTrigger(definition), occurrences, notes: notesOf(definition, occurrences) };
  }
}

import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Actor } from '../auth/actor.js';
import { Role } from '../auth/role.decorator.js';
import { ChannelNotFoundError } from '../channels/channel-errors.js';
import { channelTypes } from '../channels/channel.schema.js';
import { Channels } from '../channels/channels.js';
import { API } from '../http/api.js';
import { Problems } from '../http/problems.decorator.js';
import { channelName } from '../jobs/definition/alert.schema.js';
import { runView } from '../runs/api/run.view.js';
import { AlertsService } from './alerts.service.js';

const channelList = z.object({ items: z.array(z.object({ name: z.string(), type: z.enum(channelTypes) })) }).meta({
  id: 'Channels',
  examples: [
    {
      items: [
        { name: 'log', type: 'log' },
        { name: 'ops', type: 'slack' },
      ],
    },
  ],
});

@ApiTags('alerts')
@Problems(503)
@Role('viewer')
@Controller(`${API}/channels`)
export class ChannelsController {
  constructor(
    private readonly channels: Channels,
    private readonly alerts: AlertsService,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'List channels',
    description: 'The names that alerts may use, with their types: those of CHANNELS_FILE of this process, and log.',
  })
  @ApiResponse({ status: 200, description: 'The channels', standardSchema: channelList })
  list() {
    return { items: this.channels.all() };
  }

  @Post(':name/test')
  @Role('operator')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Send a test message',
    description:
      'A worker sends it now, without retries. The response comes when it has, or after 20 s. The state of the run is the outcome: succeeded, or failed with its error.',
  })
  @ApiResponse({ status: 200, description: 'The run that sends the message', standardSchema: runView })
  @Problems(new ChannelNotFoundError('opps', ['log', 'ops']))
  test(@Param('name', { schema: channelName }) name: string, @Actor() actor: Actor) {
    return this.alerts.test(name, actor);
  }
}

import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Actor } from '../auth/actor.js';
import { Role } from '../auth/role.decorator.js';
import { API } from '../http/api.js';
import { instant, pageSchema } from '../http/page.js';
import { Problems } from '../http/problems.decorator.js';
import { AlertClosedError, AlertNotFoundError, MuteInPastError } from './alert-errors.js';
import { AlertsService } from './alerts.service.js';
import { incidentView } from './incident.view.js';
import { alertsQuery, type AlertsQuery } from './read-incidents.js';

const alertId = z
  .uuid()
  .meta({ description: 'The id of the alert', examples: ['01a20853-c643-7b23-8341-c0bf94896359'] });
const muteBody = z
  .strictObject({ until: instant.describe('Messages wait until then') })
  .meta({ id: 'Mute', examples: [{ until: '2030-01-01T00:00:00Z' }] });

const ID = '01990000-0000-7000-8000-000000000000';
const unknownAlert = new AlertNotFoundError(ID);

@ApiTags('alerts')
@Problems(503)
@Role('viewer')
@Controller(`${API}/alerts`)
export class AlertsController {
  constructor(private readonly alerts: AlertsService) {}

  @Get()
  @ApiOperation({
    summary: 'List alerts',
    description:
      'Newest first: the open ones and those that have closed, until these are pruned like runs. There is at most one open alert for each job and condition.',
  })
  @ApiResponse({
    status: 200,
    description: 'A page of alerts',
    standardSchema: pageSchema(incidentView).meta({ id: 'AlertPage' }),
  })
  list(@Query({ schema: alertsQuery }) query: AlertsQuery) {
    return this.alerts.list(query);
  }

  @Post(':id/acknowledge')
  @Role('operator')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Acknowledge an alert',
    description: 'Shows to others who takes care of it. A second request changes nothing.',
  })
  @ApiResponse({ status: 200, description: 'The alert', standardSchema: incidentView })
  @Problems(unknownAlert, new AlertClosedError(ID))
  acknowledge(@Param('id', { schema: alertId }) id: string, @Actor() actor: Actor) {
    return this.alerts.acknowledge(id, actor);
  }

  @Post(':id/mute')
  @Role('operator')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Mute an alert',
    description:
      'Messages about this job and condition wait until then, also if the alert closes and another one opens. An alert that opens and closes meanwhile causes no message. PagerDuty still learns that an alert is over.',
  })
  @ApiResponse({ status: 200, description: 'The alert', standardSchema: incidentView })
  @Problems(unknownAlert, 422, new MuteInPastError('2020-01-01T00:00:00.000Z'))
  mute(
    @Param('id', { schema: alertId }) id: string,
    @Body({ schema: muteBody }) { until }: z.output<typeof muteBody>,
    @Actor() actor: Actor,
  ) {
    return this.alerts.mute(id, until, actor);
  }
}

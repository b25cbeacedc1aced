import { Body, Controller, Delete, HttpCode, Param, Patch, Post, Put, Res } from '@nestjs/common';
import { ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Actor } from '../../auth/actor.js';
import { Role } from '../../auth/role.decorator.js';
import { UnknownChannelError } from '../../channels/channel-errors.js';
import { API } from '../../http/api.js';
import { AcceptsIfMatch, type Preconditions, RequestPreconditions } from '../../http/preconditions.js';
import { Problems } from '../../http/problems.decorator.js';
import { InvalidTaskInputError, UnknownTaskError } from '../../tasks/task-errors.js';
import {
  JobExistsError,
  JobManagedElsewhereError,
  JobNotFoundError,
  TriggerInPastError,
} from '../definition/job-errors.js';
import { jobName } from '../definition/job.schema.js';
import { type JobBody, jobBody, type JobPatch, jobPatch, type NewJobBody, newJobBody } from './job-body.js';
import { JobDefinitionsService, type SavedView } from './job-definitions.service.js';
import { etagOf, jobView } from './job.view.js';

const unknownJob = new JobNotFoundError('billing.nightly');
const managedElsewhere = new JobManagedElsewhereError('billing.nightly', 'file', 'cronzimus');
const refusedDefinitions = [
  new UnknownTaskError('htpp', ['http', 'sql']),
  new InvalidTaskInputError('http', [{ path: '/input/url', message: 'Invalid URL' }]),
  new UnknownChannelError([{ path: ['alerts', 0, 'to', 0], name: 'opps' }], ['log', 'ops']),
  new TriggerInPastError('2020-01-01T00:00:00Z'),
];
const headers = {
  ETag: {
    description: 'For `If-Match`. It changes with the definition, and with nothing else',
    schema: { type: 'string' as const },
  },
};
const location = { description: 'The path of the job', schema: { type: 'string' as const } };

@ApiTags('jobs')
@Problems(503)
@Role('admin')
@Controller(`${API}/jobs`)
export class JobDefinitionsController {
  constructor(private readonly definitions: JobDefinitionsService) {}

  @Post()
  @ApiOperation({
    summary: 'Create a job',
    description: 'The first occurrence is after now: creating a job never runs it.',
  })
  @ApiResponse({
    status: 201,
    description: 'The job',
    standardSchema: jobView,
    headers: { ...headers, Location: location },
  })
  @Problems(new JobExistsError('billing.nightly'), 422, ...refusedDefinitions)
  async create(
    @Body({ schema: newJobBody }) body: NewJobBody,
    @Actor() actor: Actor,
    @Res({ passthrough: true }) response: Response,
  ) {
    return respond(response, await this.definitions.create(body.name, actor, body));
  }

  @Put(':name')
  @ApiOperation({
    summary: 'Create a job or replace its definition',
    description:
      'Fields that are left out get their defaults, but an interval keeps its anchor. Anything already due runs with the old definition, and existing runs keep theirs. Sending the same definition again changes nothing.',
  })
  @AcceptsIfMatch()
  @ApiResponse({ status: 200, description: 'The job after the change', standardSchema: jobView, headers })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: '`*`: only create; 412 if the job exists',
    schema: { type: 'string' },
  })
  @ApiResponse({
    status: 201,
    description: 'The job was created',
    standardSchema: jobView,
    headers: { ...headers, Location: location },
  })
  @Problems(managedElsewhere, 422, ...refusedDefinitions)
  async put(
    @Param('name', { schema: jobName }) name: string,
    @Body({ schema: jobBody }) body: JobBody,
    @Actor() actor: Actor,
    @RequestPreconditions() preconditions: Preconditions,
    @Res({ passthrough: true }) response: Response,
  ) {
    return respond(response, await this.definitions.put(name, actor, body, preconditions));
  }

  @Patch(':name')
  @ApiOperation({
    summary: 'Change fields of a job',
    description:
      'A JSON merge patch of the stored definition. Null returns a field to its default. Another `trigger.type` drops all fields of the old trigger. To store a null inside `input`, use PUT.',
  })
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @AcceptsIfMatch()
  @ApiResponse({ status: 200, description: 'The job after the change', standardSchema: jobView, headers })
  @Problems(unknownJob, managedElsewhere, 422, ...refusedDefinitions)
  async patch(
    @Param('name', { schema: jobName }) name: string,
    @Body({ schema: jobPatch }) body: JobPatch,
    @Actor() actor: Actor,
    @RequestPreconditions() preconditions: Preconditions,
    @Res({ passthrough: true }) response: Response,
  ) {
    return respond(response, await this.definitions.patch(name, actor, body, preconditions));
  }

  @Delete(':name')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Delete a job',
    description:
      'Runs that have not started are cancelled. Running attempts continue, and their runs get no further attempt. The history stays. Creating the name again creates a new job.',
  })
  @AcceptsIfMatch()
  @ApiResponse({ status: 204, description: 'The job is deleted' })
  @Problems(unknownJob, managedElsewhere)
  delete(
    @Param('name', { schema: jobName }) name: string,
    @Actor() actor: Actor,
    @RequestPreconditions() preconditions: Preconditions,
  ): Promise<void> {
    return this.definitions.delete(name, actor, preconditions);
  }
}

/** 201 with the address of a new job, or 200. */
function respond(response: Response, { job, created }: SavedView) {
  response.setHeader('ETag', etagOf(job));
  if (created) response.location(`/${API}/jobs/${job.name}`);
  response.status(created ? 201 : 200);
  return job;
}

import { Body, Controller, Delete, HttpCode, Param, Patch, Post, Put, Res } from '@nestjs/common';
import { ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Actor } from '../../auth/actor.js';
import { Role } from '../../auth/role.decorator.js';
import { API } from '../../http/api.js';
import { AcceptsIfMatch, type Preconditions, RequestPreconditions } from '../../http/preconditions.js';
import { Problems } from '../../http/problems.decorator.js';
import { InvalidTaskInputError, UnknownTaskError } from '../../tasks/task-errors.js';
import { type JobBody, jobBody, type JobPatch, jobPatch, type NewJobBody, newJobBody } from '../definition/job-body.js';
import { JobDefinitions, type SavedJob } from './job-definitions.service.js';
import { JobExistsError, JobNotFoundError, JobOfSourceError, TriggerInPastError } from '../definition/job-errors.js';
import { jobName } from '../definition/job.schema.js';
import { etagOf, jobView } from '../definition/job.view.js';

const unknownJob = new JobNotFoundError('billing.nightly');
const managedElsewhere = new JobOfSourceError('billing.nightly', 'file', 'cronzimus');
const refusedDefinitions = [
  new UnknownTaskError('htpp', ['http', 'sql']),
  new InvalidTaskInputError('http', [{ path: '/input/url', message: 'Invalid URL' }]),
  new TriggerInPastError('2020-01-01T00:00:00Z'),
];
const headers = {
  ETag: { description: 'For `If-Match`; changes with the definition only', schema: { type: 'string' as const } },
};
const location = { description: 'Where the job is', schema: { type: 'string' as const } };

@ApiTags('jobs')
@Problems(503)
@Role('admin')
@Controller(`${API}/jobs`)
export class JobDefinitionsController {
  constructor(private readonly definitions: JobDefinitions) {}

  @Post()
  @ApiOperation({ summary: 'Create a job', description: 'Its first occurrence is after now: creating never runs it.' })
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
    return answer(response, await this.definitions.create(body.name, actor, body));
  }

  @Put(':name')
  @ApiOperation({
    summary: 'Create a job, or make it what is sent',
    description:
      'Fields that are left out get their defaults, but an interval keeps its anchor. What is due under the old definition is dispatched first; runs keep what they were made with. The same again changes nothing.',
  })
  @AcceptsIfMatch()
  @ApiResponse({ status: 200, description: 'The job, as it is now', standardSchema: jobView, headers })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: '`*`: answers 412 where there is such a job already',
    schema: { type: 'string' },
  })
  @ApiResponse({
    status: 201,
    description: 'It was created',
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
    return answer(response, await this.definitions.put(name, actor, body, preconditions));
  }

  @Patch(':name')
  @ApiOperation({
    summary: 'Change fields of a job',
    description:
      'A JSON merge patch onto the stored definition; null returns a field to its default. Another `trigger.type` drops the fields of the old trigger. To set a null inside `input`, PUT.',
  })
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @AcceptsIfMatch()
  @ApiResponse({ status: 200, description: 'The job, as it is now', standardSchema: jobView, headers })
  @Problems(unknownJob, managedElsewhere, 422, ...refusedDefinitions)
  async patch(
    @Param('name', { schema: jobName }) name: string,
    @Body({ schema: jobPatch }) body: JobPatch,
    @Actor() actor: Actor,
    @RequestPreconditions() preconditions: Preconditions,
    @Res({ passthrough: true }) response: Response,
  ) {
    return answer(response, await this.definitions.patch(name, actor, body, preconditions));
  }

  @Delete(':name')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Delete a job',
    description:
      'What has not started is cancelled, running attempts end; runs stay. A new job of that name is a new job.',
  })
  @AcceptsIfMatch()
  @ApiResponse({ status: 204, description: 'It is gone' })
  @Problems(unknownJob, managedElsewhere)
  delete(
    @Param('name', { schema: jobName }) name: string,
    @Actor() actor: Actor,
    @RequestPreconditions() preconditions: Preconditions,
  ): Promise<void> {
    return this.definitions.delete(name, actor, preconditions);
  }
}

function answer(response: Response, { job, created }: SavedJob) {
  response.setHeader('ETag', etagOf(job));
  if (created) response.location(`/${API}/jobs/${job.name}`);
  response.status(created ? 201 : 200);
  return job;
}

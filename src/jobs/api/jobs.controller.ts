import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { Actor, requireRole } from '../../auth/actor.js';
import { Role } from '../../auth/role.decorator.js';
import { Caller } from '../../compute/caller.js';
import { ComputationFailedError } from '../../compute/compute-thread.js';
import { OwnQueue } from '../../compute/reads-in-turn.interceptor.js';
import { API } from '../../http/api.js';
import { AcceptsIdempotencyKey, IdempotencyKey } from '../../http/idempotency-key.js';
import { pageSchema } from '../../http/page.js';
import { Problems } from '../../http/problems.decorator.js';
import { runLocation, runView } from '../../runs/api/run.view.js';
import { InvalidTaskInputError, UnknownTaskError } from '../../tasks/task-errors.js';
import { JobBusyError, JobNotFoundError } from '../definition/job-errors.js';
import { jobName } from '../definition/job.schema.js';
import { pauseRequest, UntilInPastError } from '../history/pause-request.js';
import { exampleOccurrences } from '../definition/upcoming-occurrences.js';
import { etagOf, jobView } from './job.view.js';
import { JobsService } from './jobs.service.js';
import { jobsQuery, type JobsQuery } from './list-jobs.js';

const count = z
  .string()
  .regex(/^\d{1,4}$/, 'Must be a whole number from 1 to 1000')
  .transform(Number)
  .pipe(z.int().min(1, 'Must be at least 1').max(1000, 'Must be at most 1000'))
  .prefault('5')
  .describe('How many occurrences, 1 to 1000');
const upcomingQuery = z.strictObject({ count });
const upcomingView = z
  .object({ occurrences: z.array(z.date()) })
  .meta({ id: 'Upcoming', examples: [{ occurrences: exampleOccurrences }] });
const runRequest = z
  .strictObject({ input: z.record(z.string(), z.json()).optional().describe("Replaces the job's input for this run") })
  .meta({ id: 'RunRequest', examples: [{}, { input: { url: 'https://example.org/report?day=2026-11-22' } }] });

@ApiTags('jobs')
@Problems(503)
@Role('viewer')
@Controller(`${API}/jobs`)
export class JobsController {
  constructor(private readonly jobs: JobsService) {}

  @Get()
  @ApiOperation({ summary: 'List jobs', description: 'The jobs that match all given filters.' })
  @ApiResponse({
    status: 200,
    description: 'A page of jobs',
    standardSchema: pageSchema(jobView).meta({ id: 'JobPage' }),
  })
  list(@Query({ schema: jobsQuery }) query: JobsQuery) {
    return this.jobs.list(query);
  }

  @Get(':name')
  @ApiOperation({ summary: 'Get a job', description: 'Its definition, its next run and its last run.' })
  @ApiResponse({ status: 200, description: 'The job', standardSchema: jobView })
  @Problems(new JobNotFoundError('billing.nightly'))
  async get(@Param('name', { schema: jobName }) name: string, @Res({ passthrough: true }) response: Response) {
    const job = await this.jobs.get(name);
    response.setHeader('ETag', etagOf(job));
    return job;
  }

  @Get(':name/upcoming')
  @ApiOperation({
    summary: 'Show the next occurrences',
    description: 'Without jitter, and whether the job is paused or not.',
  })
  @ApiResponse({ status: 200, description: 'The occurrences', standardSchema: upcomingView })
  @Problems(new JobNotFoundError('billing.nightly'), 503, new ComputationFailedError())
  @OwnQueue(true)
  async upcoming(
    @Param('name', { schema: jobName }) name: string,
    @Query({ schema: upcomingQuery }) query: z.output<typeof upcomingQuery>,
    @Caller() caller: Caller,
  ) {
    return { occurrences: await this.jobs.upcoming(name, query.count, caller) };
  }

  @Post(':name/pause')
  @Role('operator')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Pause a job',
    description:
      'Its occurrences do not run until it is resumed, or until `until`. Running attempts continue, and manual runs are allowed. For a paused job, this replaces the reason and the end.',
  })
  @ApiBody({ required: false })
  @ApiResponse({ status: 200, description: 'The job', standardSchema: jobView })
  @Problems(new JobNotFoundError('billing.nightly'), 422, new UntilInPastError(new Date('2020-01-01T00:00:00Z')))
  pause(
    @Param('name', { schema: jobName }) name: string,
    @Body({ schema: pauseRequest.prefault({}) }) terms: z.output<typeof pauseRequest>,
    @Actor() actor: Actor,
  ) {
    return this.jobs.pause(name, actor, terms);
  }

  @Post(':name/resume')
  @Role('operator')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Resume a job',
    description: 'Occurrences that were missed in the pause become one skipped row; they do not run.',
  })
  @ApiResponse({ status: 200, description: 'The job', standardSchema: jobView })
  @Problems(new JobNotFoundError('billing.nightly'))
  resume(@Param('name', { schema: jobName }) name: string, @Actor() actor: Actor) {
    return this.jobs.resume(name, actor);
  }

  @Post(':name/run')
  @Role('operator')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Run a job now',
    description: 'Queues one extra run; the schedule stays as it is. An `input` in the body needs the role admin.',
  })
  @ApiBody({ required: false })
  @AcceptsIdempotencyKey()
  @ApiResponse({ status: 202, description: 'The run, pending', standardSchema: runView, headers: runLocation })
  @Problems(
    new JobNotFoundError('billing.nightly'),
    new JobBusyError('billing.nightly', 'skip'),
    422,
    new UnknownTaskError('htpp', ['http', 'sql']),
    new InvalidTaskInputError('http', [{ path: '/input/url', message: 'Invalid URL' }]),
  )
  async run(
    @Param('name', { schema: jobName }) name: string,
    @Body({ schema: runRequest.prefault({}) }) { input }: z.output<typeof runRequest>,
    @Actor() actor: Actor,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ) {
    if (input) requireRole(actor, 'admin', 'to run a job with another input than its own');
    const run = await this.jobs.runNow(name, actor, input, key);
    response.location(`/${API}/runs/${run.id}`);
    return run;
  }
}

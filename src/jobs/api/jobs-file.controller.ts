import { Body, Controller, Get, Headers, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { Actor } from '../../auth/actor.js';
import { TooManyWrongKeysError } from '../../auth/auth-errors.js';
import { Role } from '../../auth/role.decorator.js';
import { Caller } from '../../compute/caller.js';
import { FairQueue, TooManyWaitingError } from '../../core/fair-queue.js';
import { utf8Help } from '../../core/utf8.js';
import { API } from '../../http/api.js';
import type { TextBody } from '../../http/bodies.js';
import { Problems } from '../../http/problems.decorator.js';
import { JobsManagedElsewhereError } from '../definition/job-errors.js';
import { exampleDefinition, jobDefinition, jobName } from '../definition/job.schema.js';
import { importReport } from '../file/import-report.js';
import { JobsExport } from '../file/jobs-export.js';
import { JobsFileError, JobsFileParser } from '../file/jobs-file-parser.js';
import { JobsImport } from '../file/jobs-import.js';

const JSON_TYPE = 'application/json';
const YAML_TYPES = ['application/yaml', 'text/yaml', 'application/x-yaml'];

export const jobsFileBody: TextBody = {
  method: 'POST',
  path: `/${API}/jobs-file`,
  types: [JSON_TYPE, ...YAML_TYPES],
  limitBytes: 16 * 1024 * 1024,
  undecodable: (line) => new JobsFileError(400, 'The body', [{ file: '', line, path: [], message: utf8Help }]),
};

/** With the time that it waits. A client that sees nothing for 2 min is gone anyway. */
const MAX_IMPORT_MS = 600_000;

const { task, trigger } = jobDefinition.shape;
const jobsFile = z
  .object({ jobs: z.record(jobName, jobDefinition.partial().extend({ task, trigger })) })
  .meta({ id: 'JobsFile', examples: [{ jobs: { 'reports.nightly': exampleDefinition } }] });
const flag = z
  .enum(['true', 'false'])
  .transform((word) => word === 'true')
  .prefault('false');
const importQuery = z.strictObject({
  dryRun: flag.describe('Change nothing, and report what would change'),
  prune: flag.describe("Delete the API's jobs that the file does not name"),
});

@ApiTags('jobs')
@Problems(503)
@Controller(`${API}/jobs-file`)
export class JobsFileController {
  /** A large import takes seconds and over 100 MB. */
  private readonly imports = new FairQueue({ concurrency: 1, maxWaiting: 20, maxMs: MAX_IMPORT_MS });

  constructor(
    private readonly parser: JobsFileParser,
    private readonly jobsImport: JobsImport,
    private readonly jobsExport: JobsExport,
  ) {}

  @Get()
  @Role('viewer')
  @ApiOperation({
    summary: 'Show the jobs as a jobs file',
    description:
      'The jobs of the API and of JOBS_FILE, as JSON, or as YAML with `Accept: application/yaml`. Importing the file creates the same jobs. Fields with their default value are left out.',
  })
  @ApiProduces(JSON_TYPE, YAML_TYPES[0]!)
  @ApiResponse({ status: 200, description: 'The jobs file', standardSchema: jobsFile })
  async read(@Req() request: Request, @Res({ passthrough: true }) response: Response) {
    const type = request.accepts([JSON_TYPE, ...YAML_TYPES]);
    const isJson = type === false || type === JSON_TYPE;
    response.type(isJson ? JSON_TYPE : type);
    return isJson ? this.jobsExport.asJson() : this.jobsExport.asYaml();
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Import a jobs file',
    description:
      'Creates and updates jobs of source `api`: all of the file, or nothing. `dryRun` returns the same report and changes nothing. `prune` deletes the jobs of source `api` that the file does not name. Jobs of code and of JOBS_FILE may be in the file if they are unchanged.',
  })
  @ApiConsumes(...jobsFileBody.types)
  @ApiBody({ required: true, schema: { $ref: '#/components/schemas/JobsFile' } })
  @ApiResponse({ status: 200, description: 'What has changed', standardSchema: importReport })
  @Problems(
    new JobsManagedElsewhereError([{ name: 'billing.nightly', source: 'file', owner: 'cronzimus' }]),
    new JobsFileError(400, 'The body', [
      { file: '', line: 3, path: [], message: 'Nested mappings are not allowed in compact mappings' },
    ]),
    new JobsFileError(422, 'The body', [
      { file: '', line: 5, path: ['jobs', 'ping', 'retries'], message: 'Unknown field' },
    ]),
    new TooManyWrongKeysError(60),
    new TooManyWaitingError(),
  )
  // Below the errors above, which replace its own for the same status.
  @Role('admin')
  async write(
    @Body() text: unknown,
    @Headers('content-type') type: string | undefined,
    @Query({ schema: importQuery }) options: z.output<typeof importQuery>,
    @Actor() actor: Actor,
    @Caller() caller: Caller,
  ) {
    const body = typeof text === 'string' ? text : '';
    // The parser reads YAML, which includes JSON, so YAML would pass as JSON.
    const isJson = type?.startsWith(JSON_TYPE) ?? false;
    return this.imports.run(caller, async () => {
      const jobs = await this.parser.parse('The body', [{ name: '', text: body, isJson }]);
      return this.jobsImport.apply(jobs, actor, options);
    });
  }
}

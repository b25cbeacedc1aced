import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Actor } from '../auth/actor.js';
import { Role } from '../auth/role.decorator.js';
import { reaches } from '../config/api-roles.js';
import { ApiDatabase } from '../database/api-database.js';
import { API } from '../http/api.js';
import { pageSchema } from '../http/page.js';
import { Problems } from '../http/problems.decorator.js';
import { JobNotFoundError } from '../jobs/definition/job-errors.js';
import { jobName } from '../jobs/definition/job.schema.js';
import { listVersions, versionsQuery, versionView } from './versions.js';

@ApiTags('jobs')
@Problems(503)
@Role('viewer')
@Controller(`${API}/jobs`)
export class VersionsController {
  constructor(private readonly database: ApiDatabase) {}

  @Get(':name/versions')
  @ApiOperation({
    summary: 'List the definitions that a job has had',
    description:
      'Newest first, also of a deleted job. A job that was deleted and created again is in the list with another jobId. Kept for RUN_RETENTION_DAYS after the next version.',
  })
  @ApiResponse({
    status: 200,
    description: 'A page of versions',
    standardSchema: pageSchema(versionView).meta({ id: 'JobVersionPage' }),
  })
  @Problems(new JobNotFoundError('billing.nightly'))
  list(
    @Param('name', { schema: jobName }) name: string,
    @Query({ schema: versionsQuery }) query: z.output<typeof versionsQuery>,
    @Actor() actor: Actor,
  ) {
    return this.database.transaction((tx) => listVersions(tx, name, query, isAdmin(actor)));
  }
}

const isAdmin = ({ role }: Actor): boolean => role !== null && reaches(role, 'admin');

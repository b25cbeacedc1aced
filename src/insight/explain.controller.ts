import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Actor } from '../auth/actor.js';
import { Role } from '../auth/role.decorator.js';
import { Caller } from '../compute/caller.js';
import { ComputationFailedError } from '../compute/compute-thread.js';
import { reaches } from '../config/api-roles.js';
import { API } from '../http/api.js';
import { Problems } from '../http/problems.decorator.js';
import { JobNotFoundError } from '../jobs/definition/job-errors.js';
import { jobName } from '../jobs/definition/job.schema.js';
import { ExplainService } from './explain.service.js';
import { explainQuery, explanationView } from './explain.view.js';

@ApiTags('ledger')
@Problems(503, new ComputationFailedError())
@Role('viewer')
@Controller(`${API}/jobs`)
export class ExplainController {
  constructor(private readonly explanations: ExplainService) {}

  @Get(':name/explain')
  @ApiOperation({
    summary: 'Explain what became of an instant',
    description:
      'Why the job ran or did not run at `at`, from what is kept: definitions, pauses and runs. Also of a deleted job, and of an instant in the future.',
  })
  @ApiResponse({ status: 200, description: 'The verdict with its evidence', standardSchema: explanationView })
  @Problems(new JobNotFoundError('billing.nightly'))
  explain(
    @Param('name', { schema: jobName }) name: string,
    @Query({ schema: explainQuery }) { at }: z.output<typeof explainQuery>,
    @Actor() actor: Actor,
    @Caller() caller: Caller,
  ) {
    const isAdmin = actor.role !== null && reaches(actor.role, 'admin');
    return this.explanations.explain(caller, name, at, isAdmin);
  }
}

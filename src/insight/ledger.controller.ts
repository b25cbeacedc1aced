import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Role } from '../auth/role.decorator.js';
import { Caller } from '../compute/caller.js';
import { ComputationFailedError } from '../compute/compute-thread.js';
import { OwnQueue } from '../compute/reads-in-turn.interceptor.js';
import { API } from '../http/api.js';
import { pageSchema } from '../http/page.js';
import { Problems } from '../http/problems.decorator.js';
import { JobNotFoundError } from '../jobs/definition/job-errors.js';
import { jobName } from '../jobs/definition/job.schema.js';
import { LedgerService } from './ledger.service.js';
import { ledgerCheckQuery, ledgerCheckView, ledgerItem, ledgerQuery } from './ledger.view.js';

@ApiTags('ledger')
@Problems(503, new ComputationFailedError())
@Role('viewer')
@Controller(API)
export class LedgerController {
  constructor(private readonly ledger: LedgerService) {}

  @Get('jobs/:name/ledger')
  @ApiOperation({
    summary: 'Show what became of each instant',
    description:
      'Each instant that the definitions of that time ask for, in ascending order, with its run or the reason why there was none. Also of a deleted job. The range has at most 31 days.',
  })
  @ApiResponse({
    status: 200,
    description: 'A page of instants',
    standardSchema: pageSchema(ledgerItem).meta({ id: 'LedgerPage' }),
  })
  @Problems(new JobNotFoundError('billing.nightly'))
  @OwnQueue(true)
  page(
    @Param('name', { schema: jobName }) name: string,
    @Query({ schema: ledgerQuery }) query: z.output<typeof ledgerQuery>,
    @Caller() caller: Caller,
  ) {
    return this.ledger.page(caller, name, query);
  }

  @Get('ledger/check')
  @ApiOperation({
    summary: 'Prove that a range of time has no gap',
    description:
      'Compares the instants that the definitions of all jobs ask for, also of deleted ones, with the rows of the history. The range has at most 31 days. A check ends after 1,000,000 instants or 10 s, and goes on with its cursor.',
  })
  @ApiResponse({ status: 200, description: 'What was found', standardSchema: ledgerCheckView })
  @OwnQueue(true)
  check(@Query({ schema: ledgerCheckQuery }) query: z.output<typeof ledgerCheckQuery>, @Caller() caller: Caller) {
    return this.ledger.check(caller, query);
  }
}

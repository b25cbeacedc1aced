import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ApiDatabase } from '../database/api-database.js';
import { API } from '../http/api.js';
import { pageSchema } from '../http/page.js';
import { Problems } from '../http/problems.decorator.js';
import { auditEntryView, auditQuery, type AuditQuery, listAudit } from './read-audit.js';
import { Role } from './role.decorator.js';

@ApiTags('audit')
@Problems(503)
@Role('admin')
@Controller(`${API}/audit`)
export class AuditController {
  constructor(private readonly database: ApiDatabase) {}

  @Get()
  @ApiOperation({
    summary: 'List who changed what',
    description:
      'Returns the newest entries first. There is one for each change of a job, and for each manual run, cancellation, pause and resume, with the values before and after.',
  })
  @ApiResponse({
    status: 200,
    description: 'A page of audit entries',
    standardSchema: pageSchema(auditEntryView).meta({ id: 'AuditPage' }),
  })
  list(@Query({ schema: auditQuery }) query: AuditQuery) {
    return this.database.transaction((tx) => listAudit(tx, query));
  }
}

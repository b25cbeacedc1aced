import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { Public } from '../auth/role.decorator.js';
import { ApiKeysHealth } from './api-keys.health.js';
import { LoopHealth } from './loop.health.js';
import { SchedulerHealth } from './scheduler.health.js';

/** Health for probes and for people. It needs no API key, so it reveals no host names. */
@ApiTags('health')
@Public()
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly scheduler: SchedulerHealth,
    private readonly loops: LoopHealth,
    private readonly keys: ApiKeysHealth,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'Is the process alive?', description: 'Checks neither the database nor the scheduler.' })
  @HealthCheck({ swaggerDocumentation: true })
  live() {
    return this.health.check([() => this.indicators.check('process').up()]);
  }

  @Get('ready')
  @ApiOperation({
    summary: 'Has the service started, and are its loops alive?',
    description: 'Stays green while the database is unavailable: the API then answers 503.',
  })
  @HealthCheck({ swaggerDocumentation: true })
  ready() {
    return this.health.check([() => this.loops.check()]);
  }

  @Get()
  @ApiOperation({
    summary: 'Is everything healthy?',
    description: 'Checks the database, overdue occurrences, the queue, the clock and the file of API keys.',
  })
  @HealthCheck({ swaggerDocumentation: true })
  all() {
    return this.health.check([() => this.loops.check(), () => this.scheduler.check(), () => this.keys.check()]);
  }
}

import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { shareFor } from '../core/share-for.js';
import { Public, Role } from '../auth/role.decorator.js';
import { Uncounted } from '../http/request-slots.js';
import { Metrics } from './metrics.js';

const EXAMPLE = `# HELP cronzimus_queue_depth Runs that could start now and wait for a slot, counted up to 100,000
# TYPE cronzimus_queue_depth gauge
cronzimus_queue_depth 0
`;

/** Metrics for Prometheus. A process serves them whatever its ROLES are. */
@ApiTags('metrics')
@Role('viewer')
@Uncounted()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  /** Concurrent scrapes share one, because each costs several milliseconds. */
  private readonly scrape = shareFor(0, () => this.metrics.text());

  @Get()
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @ApiOperation({
    summary: 'Read the metrics of this process',
    description: 'Uses the text format of Prometheus. With METRICS_PUBLIC=true no API key is needed.',
  })
  @ApiProduces('text/plain')
  @ApiResponse({
    status: 200,
    description: 'The series. docs/metrics.md describes them',
    content: { 'text/plain': { schema: { type: 'string', example: EXAMPLE } } },
  })
  read(): Promise<string> {
    return this.scrape();
  }
}

/** The same route without an API key, for METRICS_PUBLIC=true. */
@Public()
@Uncounted()
@Controller('metrics')
export class PublicMetricsController extends MetricsController {}

import { Controller, Get, HttpException } from '@nestjs/common';
import type { RequestHandler } from 'express';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { Public } from '../auth/role.decorator.js';
import { ApiKeysHealth } from './api-keys.health.js';
import { shareFor } from '../core/share-for.js';
import { Uncounted } from '../http/request-slots.js';
import { SchedulerLifecycle } from '../scheduler/lifecycle.js';
import { LoopHealth } from './loop.health.js';
import { SchedulerHealth } from './scheduler.health.js';

const SHARED_MS = 1_000;

/** Health for probes and for people. It needs no API key, so it reveals no host names, and all callers share one check for a second.
 *  The start and the end of the service show at once. */
@ApiTags('health')
@Public()
@Uncounted()
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly scheduler: SchedulerHealth,
    private readonly loops: LoopHealth,
    private readonly keys: ApiKeysHealth,
    private readonly lifecycle: SchedulerLifecycle,
  ) {}

  private readonly checks = {
    live: shareFor(SHARED_MS, () => this.health.check([() => this.indicators.check('process').up()])),
    ready: shareFor(SHARED_MS, () => this.health.check([() => this.loops.check()])),
    all: shareFor(SHARED_MS, () =>
      this.health.check([() => this.loops.check(), () => this.scheduler.check(), () => this.keys.check()]),
    ),
  };
  private readonly paths = new Map<string, (running: boolean) => Promise<object>>([
    ['/health/live', this.checks.live],
    ['/health/ready', this.checks.ready],
    ['/health', this.checks.all],
  ]);

  /** Middleware that sends the same responses as the handlers and costs much less, because many clients without a key may request them
   *  at the same time. It leaves other spellings of the paths to the handlers. */
  readonly respond: RequestHandler = async (request, response, next) => {
    const check = request.method === 'GET' ? this.paths.get(request.url) : undefined;
    if (!check) return next();
    // For the label of the metrics.
    request.route = { path: request.url };
    const { status, body } = await responseOf(check(this.lifecycle.running));
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length });
    response.end(body);
  };

  @Get('live')
  @ApiOperation({ summary: 'Is the process alive?', description: 'Checks neither the database nor the scheduler.' })
  @HealthCheck({ swaggerDocumentation: true })
  live() {
    return this.checks.live(this.lifecycle.running);
  }

  @Get('ready')
  @ApiOperation({
    summary: 'Has the service started, and are its loops alive?',
    description: 'Stays green while the database is unavailable: the API then answers 503.',
  })
  @HealthCheck({ swaggerDocumentation: true })
  ready() {
    return this.checks.ready(this.lifecycle.running);
  }

  @Get()
  @ApiOperation({
    summary: 'Is everything healthy?',
    description: 'Checks the database, overdue occurrences, the queue, the clock and the file of API keys.',
  })
  @HealthCheck({ swaggerDocumentation: true })
  all() {
    return this.checks.all(this.lifecycle.running);
  }
}

async function responseOf(check: Promise<object>): Promise<{ status: number; body: Buffer }> {
  try {
    return { status: 200, body: Buffer.from(JSON.stringify(await check)) };
  } catch (error) {
    // Terminus throws the report when something is down.
    if (!(error instanceof HttpException) || error.getStatus() !== 503) throw error;
    return { status: 503, body: Buffer.from(JSON.stringify(error.getResponse())) };
  }
}

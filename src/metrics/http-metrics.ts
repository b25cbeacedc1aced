import { Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { Metrics } from './metrics.js';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const REFUSALS = ['NO_KEY', 'WRONG_KEY', 'KEY_EXPIRED', 'TOO_MANY_WRONG_KEYS', 'ROLE_TOO_LOW', 'ROUTE_CLOSED'];

/** Requests by route. The label is the route's pattern and not the path, which would create a series for each run. */
@Injectable()
export class HttpMetrics {
  private readonly requests;
  private readonly durations;
  private readonly refusals;
  private readonly closedConnections;

  constructor(metrics: Metrics) {
    this.requests = metrics.counter('http_requests_total', 'HTTP requests', ['method', 'route', 'status']);
    const help = 'Time from the first byte of a request to the last byte of its response';
    this.durations = metrics.histogram('http_request_duration_seconds', help, SECONDS, ['method', 'route']);
    this.refusals = metrics.counter('auth_refused_total', 'Requests refused for their key or its role', ['reason']);
    this.closedConnections = metrics.counter(
      'http_connections_closed_total',
      'Connections closed for a limit: all of HTTP_MAX_CONNECTIONS were open (all), or one client had its share of them (client)',
      ['reason'],
    );
    for (const reason of ['all', 'client']) this.closedConnections.inc({ reason }, 0);
    for (const code of REFUSALS) this.refusals.inc({ reason: code.toLowerCase() }, 0);
  }

  /** Middleware that must run before all other middleware. */
  readonly observe = (request: Request, response: Response, next: NextFunction): void => {
    const began = performance.now();
    response.once('finish', () => {
      const labels = { method: request.method, route: routeOf(request) };
      this.requests.inc({ ...labels, status: String(response.statusCode) });
      this.durations.observe(labels, (performance.now() - began) / 1000);
      const code: unknown = response.locals['code'];
      if (REFUSALS.includes(String(code))) this.refusals.inc({ reason: String(code).toLowerCase() });
    });
    next();
  };

  readonly connectionClosed = (reason: 'all' | 'client'): void => this.closedConnections.inc({ reason });
}

/** `none` for a request that matched no route. */
function routeOf({ route }: { route?: { path: string } }): string {
  // Only middleware has a path with a wildcard.
  return route === undefined || route.path.includes('*') ? 'none' : route.path;
}

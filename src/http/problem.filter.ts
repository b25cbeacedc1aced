import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Problem } from '../core/problem.js';
import { PROBLEM_JSON, problemBody } from './problem-body.js';
import { problemOf } from './problem-of.js';

const RETRY_AFTER_SECONDS = '5';
const INTERNAL = new Problem(
  500,
  'INTERNAL',
  'The request failed because of a fault in the service; the log of the service has the details.',
);

/** Sends every error as `application/problem+json`. A fault of the service is logged, and the client gets a 500 without details. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const problem = problemOf(error, request.method, request.path);
    if (!problem) this.logger.error(error);
    else if (problem.code.startsWith('DATABASE_') && error instanceof Error) this.logger.warn(error.message);

    // HttpMetrics counts refused requests by this code.
    response.locals['code'] = problem?.code;
    if (response.headersSent) {
      // The aborted connection shows the client that its response is incomplete.
      if (!response.writableEnded) response.destroy();
      return;
    }
    response.setHeader('Cache-Control', 'no-store');
    const health = healthReport(error);
    if (health) response.status(503).json(health);
    else send(response, problem ?? INTERNAL);
  }
}

function send(response: Response, problem: Problem): void {
  if ([429, 503].includes(problem.status) && !response.hasHeader('Retry-After'))
    response.setHeader('Retry-After', RETRY_AFTER_SECONDS);
  if (problem.status === 401 && !response.hasHeader('WWW-Authenticate'))
    response.setHeader('WWW-Authenticate', 'Bearer');
  response.statusCode = problem.status;
  response.setHeader('Content-Type', PROBLEM_JSON);
  response.end(JSON.stringify(problemBody(problem)));
}

/** Terminus throws its report when an indicator is down. The report itself is the response. */
function healthReport(error: unknown): object | undefined {
  if (!(error instanceof HttpException) || error.getStatus() !== 503) return undefined;
  const report = error.getResponse();
  return typeof report === 'object' && 'status' in report && 'details' in report ? report : undefined;
}

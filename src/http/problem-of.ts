import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { Problem } from '../core/problem.js';
import { databaseProblem } from './database-problem.js';

const CODES: Record<string, string> = {
  'entity.too.large': 'PAYLOAD_TOO_LARGE',
  'encoding.unsupported': 'UNSUPPORTED_MEDIA_TYPE',
};

/** The problem to report to the client for an error. Undefined for a fault of the service, whose details clients must not see. */
export function problemOf(error: unknown, method: string, path: string): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof HttpException)) return databaseProblem(error);
  const status = error.getStatus();
  if (status === 500) return undefined;
  if (error.message.startsWith(`Cannot ${method} `)) {
    return new Problem(404, 'NOT_FOUND', `There is no route ${method} ${path}; GET /docs lists all routes.`);
  }
  const { cause } = error;
  if (cause instanceof URIError) {
    return new Problem(400, 'MALFORMED_URL', `The path ${path} contains a malformed percent escape.`);
  }
  const type = cause instanceof Error && 'type' in cause ? String(cause.type) : '';
  return new Problem(status, CODES[type] ?? codeOf(status), detailOf(error, type));
}

/** The code for a status, such as NOT_FOUND for 404. */
export const codeOf = (status: number): string =>
  (STATUS_CODES[status] ?? 'Error')
    .replaceAll("'", '')
    .replaceAll(/[^A-Za-z]+/g, '_')
    .toUpperCase();

function detailOf(error: HttpException, type: string): string {
  if (type === 'entity.too.large') return 'The body is larger than this route accepts.';
  return error.message;
}

import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { Problem } from '../core/problem.js';
import { databaseAway } from './database-away.js';

const CODES: Record<string, string> = {
  'entity.parse.failed': 'MALFORMED_JSON',
  'entity.too.large': 'PAYLOAD_TOO_LARGE',
  'charset.unsupported': 'UNSUPPORTED_MEDIA_TYPE',
  'encoding.unsupported': 'UNSUPPORTED_MEDIA_TYPE',
};

/** The problem a client is told for an error; undefined when it is a fault of ours that must not be shown. */
export function problemOf(error: unknown, method: string, path: string): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof HttpException)) return databaseAway(error);
  const status = error.getStatus();
  if (status === 500) return undefined;
  if (error.message.startsWith(`Cannot ${method} `)) {
    return new Problem(404, 'NOT_FOUND', `There is no ${method} ${path}; GET /docs lists what there is.`);
  }
  const { cause } = error;
  if (cause instanceof URIError) {
    return new Problem(400, 'MALFORMED_URL', `The path ${path} contains a malformed percent escape.`);
  }
  const type = cause instanceof Error && 'type' in cause ? String(cause.type) : '';
  return new Problem(status, CODES[type] ?? codeOf(status), detailOf(error, type));
}

/** NOT_FOUND for 404, and so on. */
export const codeOf = (status: number): string =>
  (STATUS_CODES[status] ?? 'Error')
    .replaceAll("'", '')
    .replaceAll(/[^A-Za-z]+/g, '_')
    .toUpperCase();

function detailOf(error: HttpException, type: string): string {
  if (type === 'entity.parse.failed') return `The body is not JSON: ${error.message}.`;
  if (type === 'entity.too.large') return 'The body is larger than this route takes.';
  return error.message;
}

import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request } from 'express';
import { Problem } from '../core/problem.js';

/** The `If-Match` and `If-None-Match` headers of a request, as they were sent. */
export interface Preconditions {
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
}

export const RequestPreconditions = createParamDecorator((_: unknown, context: ExecutionContext): Preconditions => {
  const { headers } = context.switchToHttp().getRequest<Request>();
  return { ifMatch: headers['if-match'], ifNoneMatch: headers['if-none-match'] };
});

/** Throws 412 PRECONDITION_FAILED unless the headers allow a write to the version with this `etag`. Null means that the resource does not
 *  exist. */
export function checkPreconditions(etag: string | null, { ifMatch, ifNoneMatch }: Preconditions): void {
  if (ifMatch !== undefined && !matches(ifMatch, etag)) throw new PreconditionFailedError(etag);
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) throw new PreconditionFailedError(etag);
}

/** `*` matches any existing version. A weak tag never matches a write (RFC 9110). */
const matches = (header: string, etag: string | null): boolean =>
  etag !== null &&
  header
    .split(',')
    .map((tag) => tag.trim())
    .some((tag) => tag === '*' || tag === etag);

export class PreconditionFailedError extends Problem {
  constructor(etag: string | null) {
    const now = etag === null ? 'the resource does not exist' : `the current ETag is ${etag}`;
    super(
      412,
      'PRECONDITION_FAILED',
      `The precondition does not hold: ${now}. Read the resource again before you change it.`,
    );
  }
}

/** Documents that a route accepts the header `If-Match`. */
export const AcceptsIfMatch = (): MethodDecorator =>
  ApiHeader({
    name: 'If-Match',
    required: false,
    description:
      'The ETag of the version to change, or `*`. The response is 412 when the current version has another ETag',
    schema: { type: 'string' },
  });

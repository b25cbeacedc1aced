import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request } from 'express';
import { Problem } from '../core/problem.js';

/** What a request says about the version that it means, as it was sent. */
export interface Preconditions {
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
}

export const RequestPreconditions = createParamDecorator((_: unknown, context: ExecutionContext): Preconditions => {
  const { headers } = context.switchToHttp().getRequest<Request>();
  return { ifMatch: headers['if-match'], ifNoneMatch: headers['if-none-match'] };
});

/** Throws 412 where the request means another version; `etag` null: there is nothing yet. */
export function checkPreconditions(etag: string | null, { ifMatch, ifNoneMatch }: Preconditions): void {
  if (ifMatch !== undefined && !names(ifMatch, etag)) throw new PreconditionFailedError(etag);
  if (ifNoneMatch !== undefined && names(ifNoneMatch, etag)) throw new PreconditionFailedError(etag);
}

/** `*` names whatever there is. A weak tag names nothing that is to be written (RFC 9110). */
const names = (header: string, etag: string | null): boolean =>
  etag !== null &&
  header
    .split(',')
    .map((tag) => tag.trim())
    .some((tag) => tag === '*' || tag === etag);

export class PreconditionFailedError extends Problem {
  constructor(etag: string | null) {
    const now = etag === null ? 'there is no such thing' : `its ETag is ${etag}`;
    super(412, 'PRECONDITION_FAILED', `The precondition does not hold: ${now}. Read it, and decide again.`);
  }
}

/** Documents that a route heeds `If-Match`. */
export const HeedsIfMatch = (): MethodDecorator =>
  ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'The ETag that was read, or `*`: answers 412 where there is another version by now',
    schema: { type: 'string' },
  });

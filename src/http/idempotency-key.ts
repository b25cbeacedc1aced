import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request } from 'express';
import { Problem } from '../core/problem.js';

const NAME = 'Idempotency-Key';
const KEY = /^[\x21-\x7e]{1,255}$/;

/** The `Idempotency-Key` header of the request, or undefined. Throws 400 INVALID_PARAMETER when it is not 1 to 255 visible ASCII
 *  characters. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): string | undefined => {
  const key = context.switchToHttp().getRequest<Request>().header(NAME);
  if (key !== undefined && !KEY.test(key)) throw new InvalidIdempotencyKeyError();
  return key;
});

class InvalidIdempotencyKeyError extends Problem {
  constructor() {
    const message = 'Must be 1 to 255 visible ASCII characters, such as a UUID';
    super(400, 'INVALID_PARAMETER', `The request is not valid. /${NAME}: ${message}`, [{ path: `/${NAME}`, message }]);
  }
}

export class IdempotencyKeyReusedError extends Problem {
  constructor(key: string) {
    super(
      422,
      'IDEMPOTENCY_KEY_REUSED',
      `The key "${key}" was already used for a different request; use a new key for this one`,
    );
  }
}

/** Documents that a route accepts the header `Idempotency-Key`. */
export const AcceptsIdempotencyKey = (): MethodDecorator =>
  ApiHeader({
    name: NAME,
    required: false,
    description:
      'When the same request is repeated with the same key within 24 hours, it returns the same runs and creates none',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  });

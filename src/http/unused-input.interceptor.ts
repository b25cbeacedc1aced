import { isDeepStrictEqual } from 'node:util';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { isObject } from '../core/merge-patch.js';
import type { Fault } from '../core/problem.js';
import { faultsOf, type Issue } from '../core/schema-faults.js';
import { API } from './api.js';
import { inputsOf } from './handler-inputs.js';
import { invalidBody, invalidParameter } from './schema.pipe.js';

/** Rejects a query or a body that the handler of an API route does not read, instead of ignoring it. The schema of the handler
 *  validates those that it does read. Throws 400 INVALID_PARAMETER or 422 INVALID_BODY. */
export class UnusedInputInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    const { route, method, query, body } = context.switchToHttp().getRequest<Request & { route: { path: string } }>();
    if (!route.path.startsWith(`/${API}/`)) return next.handle();
    const reads = inputsOf(context);
    if (!reads.query) reject({ ...query }, invalidParameter);
    // The body of a GET has no meaning (RFC 9110).
    if (method !== 'GET' && !reads.body) reject(body, invalidBody);
    return next.handle();
  }
}

function reject(sent: unknown, problem: (faults: Fault[]) => Error): void {
  if (sent === undefined || isDeepStrictEqual(sent, {})) return;
  const keys = isObject(sent) ? Object.keys(sent) : [];
  const unknown: Issue = { code: 'unrecognized_keys', keys, message: '' };
  throw problem(keys.length > 0 ? faultsOf([unknown]) : [{ path: '', message: 'This route takes no body' }]);
}

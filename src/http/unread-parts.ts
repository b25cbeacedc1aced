import { isDeepStrictEqual } from 'node:util';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { Request } from 'express';
import type { Fault } from '../core/problem.js';
import { API } from './api.js';
import { faultsOf, type Issue } from '../core/schema-faults.js';
import { invalidBody, invalidParameter } from './schema.pipe.js';

/** Refuses what a route of the API would not read: a query, or a body with anything in it. Where it reads one, a schema does
 *  that. Throws 400 INVALID_PARAMETER, 422 INVALID_BODY. */
export class UnreadParts implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    const { path, method, query, body } = context.switchToHttp().getRequest<Request>();
    if (!path.startsWith(`/${API}/`)) return next.handle();
    const read = partsRead(context);
    if (!read.has(RouteParamtypes.QUERY)) refuse({ ...query }, invalidParameter);
    // A body means nothing to a GET (RFC 9110).
    if (method !== 'GET' && !read.has(RouteParamtypes.BODY)) refuse(body, invalidBody);
    return next.handle();
  }
}

/** Nest keeps them as `<type>:<index>` at the controller, by the handler's name; those of decorators of one's own have a random
 *  word for a type, which may begin with a digit. */
function partsRead(context: ExecutionContext): Set<number> {
  const parts: object = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) ?? {};
  return new Set(Object.keys(parts).map((key) => Number(key.split(':')[0])));
}

function refuse(sent: unknown, problem: (faults: Fault[]) => Error): void {
  if (sent === undefined || isDeepStrictEqual(sent, {})) return;
  const keys = isPlainObject(sent) ? Object.keys(sent) : [];
  const unknown: Issue = { code: 'unrecognized_keys', keys, message: '' };
  throw problem(keys.length > 0 ? faultsOf([unknown]) : [{ path: '', message: 'This route takes no body' }]);
}

const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

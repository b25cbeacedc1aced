import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { AuthenticatedRequest } from '../auth/actor.js';
import { addressIn, clientNetwork } from '../core/ip.js';
import { Problem } from '../core/problem.js';
import type { Caller as QueueCaller } from '../core/fair-queue.js';
import { onDone } from '../http/on-done.js';

export type Caller = QueueCaller;

/** A parameter decorator: the Caller of the request, for a FairQueue. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext) => callerOf(context));

/** Requests with the same API key share a place in the round. Without keys, it is those of the same client network. The signal aborts
 *  when the client closes the connection. */
export function callerOf(context: ExecutionContext): Caller {
  const request = context.switchToHttp().getRequest<Request & AuthenticatedRequest>();
  const { actor, ip = '' } = request;
  const response = context.switchToHttp().getResponse<Response>();
  const gone = new AbortController();
  onDone(request, response, () => gone.abort(new Problem(499, 'CLIENT_GONE', 'The client has closed the connection')));
  const key = !actor || actor.name === 'anonymous' ? clientNetwork(addressIn(ip) ?? '') : actor.name;
  return { key, signal: gone.signal };
}

import {
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { setTimeout as delay } from 'node:timers/promises';
import type { Request, Response } from 'express';
import pLimit, { type LimitFunction } from 'p-limit';
import { finalize } from 'rxjs';
import { Problem } from '../core/problem.js';
import { ConnectionClosedError } from './bodies.js';
import { onDone } from './on-done.js';

const UNCOUNTED = 'cronzimus:uncounted';
const RETRY_AFTER_SECONDS = 1;
/** How long a refused request waits for its response. Clients that try again at once would busy the process otherwise. */
const REFUSAL_MS = 1000;

/** Requests to this route or controller do not count as requests of a client. For probes and scrapers. */
export const Uncounted = (): MethodDecorator & ClassDecorator => SetMetadata(UNCOUNTED, true);

export interface RequestLimits {
  /** The client of a request whose key was checked. */
  clientOf: (request: Request) => string;
  /** How many requests of one client may be in flight. More are refused with 429. */
  inFlight: number;
  /** How many of them are handled at the same time. The others wait, and their bodies are not read. */
  handled: number;
}

interface Client {
  inFlight: number;
  limit: LimitFunction;
}

/** Bounds the requests of one client, so that it leaves database connections to the others. Use it as a global guard, before the one
 *  that reads bodies, and as a global interceptor.
 *
 *  A request is in flight until its response has been sent and its handler has ended. The work of a client that hangs up still counts. */
export class RequestSlots implements CanActivate, NestInterceptor {
  private readonly reflector = new Reflector();
  private readonly clients = new Map<string, Client>();
  /** Settled when the handler of the request has ended. */
  private readonly handlers = new WeakMap<Request, Promise<void>>();

  constructor(private readonly limits: RequestLimits) {}

  /** Waits until the request may be handled. Throws TOO_MANY_REQUESTS. */
  async canActivate(context: ExecutionContext): Promise<true> {
    if (context.getType() !== 'http' || this.isUncounted(context)) return true;
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    const name = this.limits.clientOf(request);
    const client = this.clients.get(name) ?? { inFlight: 0, limit: pLimit(this.limits.handled) };
    if (client.inFlight >= this.limits.inFlight) {
      await untilDone(request, response, REFUSAL_MS);
      response.setHeader('Retry-After', RETRY_AFTER_SECONDS);
      throw new TooManyRequestsError(this.limits.inFlight);
    }
    client.inFlight += 1;
    this.clients.set(name, client);
    return new Promise((resolve, reject) => {
      void client.limit(async () => {
        if (request.socket.destroyed) reject(new ConnectionClosedError());
        else {
          resolve(true);
          await new Promise<void>((done) => onDone(request, response, done));
          await this.handlers.get(request);
        }
        client.inFlight -= 1;
        if (client.inFlight === 0) this.clients.delete(name);
      });
    });
  }

  intercept(context: ExecutionContext, next: CallHandler) {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (context.getType() === 'http') this.handlers.set(context.switchToHttp().getRequest<Request>(), promise);
    return next.handle().pipe(finalize(resolve));
  }

  private isUncounted(context: ExecutionContext): boolean {
    return this.reflector.getAllAndOverride<boolean>(UNCOUNTED, [context.getHandler(), context.getClass()]) ?? false;
  }
}

/** Waits for `ms`, or until the client has hung up. */
async function untilDone(request: Request, response: Response, ms: number): Promise<void> {
  const stop = new AbortController();
  onDone(request, response, () => stop.abort());
  await delay(ms, undefined, { signal: stop.signal }).catch(() => undefined);
}

export class TooManyRequestsError extends Problem {
  constructor(limit: number) {
    super(
      429,
      'TOO_MANY_REQUESTS',
      `This client has ${limit} requests in flight, which is the limit (HTTP_MAX_REQUESTS_PER_KEY); wait for one of them.`,
    );
  }
}

import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { API } from '../http/api.js';
import { callerOf } from './caller.js';
import { FairQueue } from '../core/fair-queue.js';

/** For a route that waits in a queue of its own. */
export const OwnQueue = Reflector.createDecorator<boolean>();

/** The `limit` of a large page. */
const LARGE = 100;

/** Serves three reads at a time, and two of one key. A page of 500 items takes 5 to 10 ms of the event loop, so hundreds of clients
 *  together would hold up the scheduler. Pages of more than 100 items have two turns of their own, so that other reads do not wait for
 *  them. The slow statements of one key do not hold up the reads of others. Health, and all requests that change something, need no
 *  turn. */
@Injectable()
export class ReadsInTurn implements NestInterceptor {
  private readonly reads = new FairQueue({ concurrency: 3, perKey: 2, maxWaiting: 400, maxMs: 30_000 });
  private readonly largePages = new FairQueue({ concurrency: 2, perKey: 1, maxWaiting: 400, maxMs: 30_000 });

  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    // The path of the route. That of the request may have capital letters and a slash at its end.
    const { method, route, query } = context.switchToHttp().getRequest<Request & { route: { path: string } }>();
    const isRead = method === 'GET' || method === 'HEAD';
    if (!isRead || !(route.path.startsWith(`/${API}/`) || route.path === '/metrics')) return next.handle();
    if (this.reflector.get(OwnQueue, context.getHandler())) return next.handle();
    const queue = Number(query['limit']) > LARGE ? this.largePages : this.reads;
    return defer(() => queue.run(callerOf(context), () => lastValueFrom(next.handle())));
  }
}

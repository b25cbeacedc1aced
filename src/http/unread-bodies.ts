import type { NextFunction, Request, Response } from 'express';

const MAX_DRAIN_MS = 2_000;

/** Middleware that bounds what happens to a body that nothing reads, such as that of a refused request. After the response, what the
 *  client still sends is discarded for up to two seconds, so that the client can read the response. Then its connection is closed. */
export function drainUnreadBodies(request: Request, response: Response, next: NextFunction): void {
  response.once('finish', () => {
    if (request.complete) return;
    const { socket } = request;
    const timeout = setTimeout(() => socket.destroy(), MAX_DRAIN_MS).unref();
    const end = () => clearTimeout(timeout);
    request.once('end', end).once('close', end).resume();
  });
  next();
}

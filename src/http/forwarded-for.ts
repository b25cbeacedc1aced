import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { addressIn } from '../core/ip.js';

/** Middleware that writes each value of `X-Forwarded-For` as a plain IP address, as Express compares it with the trusted proxies. Some
 *  proxies add a port, brackets or quotes. A value without an address stays as it is. */
export function plainForwardedFor({ headers }: Request, _response: Response, next: NextFunction): void {
  const forwardedFor = headers['x-forwarded-for'];
  if (forwardedFor !== undefined)
    headers['x-forwarded-for'] = String(forwardedFor)
      .split(',')
      .map((value) => addressIn(value) ?? value.trim())
      .join(', ');
  next();
}

/** Middleware that calls `report` at the first request that a proxy has forwarded, with the name of the header that shows it. */
export function reportForwarding(report: (header: string) => void): RequestHandler {
  let isReported = false;
  return ({ headers }, _response, next) => {
    const header = isReported
      ? undefined
      : ['X-Forwarded-For', 'Forwarded'].find((name) => name.toLowerCase() in headers);
    if (header !== undefined) {
      isReported = true;
      report(header);
    }
    next();
  };
}

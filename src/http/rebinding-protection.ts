import type { NextFunction, Request, Response } from 'express';
import { isLoopback } from '../core/ip.js';
import { Problem } from '../core/problem.js';

const HOST = /^(?<name>\[[^\]]+\]|[^:]+)(?::\d{1,5})?$/;

/** Rejects requests that a page of another site made the user's browser send to this machine, by DNS rebinding or a cross-site form.
 *  The `Host` header, and the `Origin` header when there is one, must name localhost, 127.0.0.0/8 or [::1]. */
export function rebindingProtection(request: Request, _response: Response, next: NextFunction): void {
  const { host, origin } = request.headers;
  if (!isLocalHost(host)) {
    next(new ForbiddenHostError());
  } else if (origin !== undefined && !isLocalOrigin(origin)) {
    next(new ForbiddenOriginError());
  } else {
    next();
  }
}

export const isLocalHost = (host: string | undefined): boolean => isLocalName(HOST.exec(host ?? '')?.groups?.name);

export const isLocalOrigin = (origin: string): boolean => {
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) && isLocalName(url.hostname);
};

const isLocalName = (name = ''): boolean => isLoopback(name.toLowerCase());

export class ForbiddenHostError extends Problem {
  constructor() {
    const help = 'use http://localhost or http://127.0.0.1';
    super(403, 'FORBIDDEN_HOST', `Without API keys only local requests are served: ${help}.`);
  }
}

export class ForbiddenOriginError extends Problem {
  constructor() {
    const fault = 'this one comes from a page of another site';
    super(403, 'FORBIDDEN_ORIGIN', `Without API keys only local requests are served: ${fault}.`);
  }
}

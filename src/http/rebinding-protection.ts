import type { NextFunction, Request, Response } from 'express';
import { isLoopback } from '../core/ip.js';
import { Problem } from '../core/problem.js';

const HOST = /^(?<name>\[[^\]]+\]|[^:]+)(?::\d{1,5})?$/;
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];
/** A page of another site cannot send this header without a preflight, which the service never grants. */
const OWN_HEADER = 'X-Cronzimus-Request';
/** The media types that a page of another site can send without a preflight (Fetch Standard, CORS-safelisted request header). */
const FORM_TYPE = /^\s*(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\s*(;|$)/i;

/** Rejects requests that a page of another site made the user's browser send to this machine, by DNS rebinding or a cross-site form.
 *
 *  The `Host` header, and the `Origin` header when there is one, must name localhost, 127.0.0.0/8 or [::1]. That includes pages of
 *  other ports of this machine. So a request with an unsafe method also needs `Sec-Fetch-Site: same-origin` or `none`. When the client
 *  does not send that header, it needs something that such a page cannot send: `X-Cronzimus-Request`, or a media type that no form can have. */
export function rebindingProtection(request: Request, _response: Response, next: NextFunction): void {
  const { host, origin, 'sec-fetch-site': site } = request.headers;
  if (!isLocalHost(host)) next(new ForbiddenHostError());
  else if (origin !== undefined && !isLocalOrigin(origin)) next(new ForbiddenOriginError());
  else if (SAFE_METHODS.includes(request.method)) next();
  else if (site !== undefined) next(isOwnPage(site) ? undefined : new ForbiddenOriginError());
  else if (request.header(OWN_HEADER) !== undefined || hasTypeOfNoForm(request)) next();
  else next(new RequestHeaderMissingError());
}

const hasTypeOfNoForm = ({ headers: { 'content-type': type } }: Request): boolean =>
  type !== undefined && type.includes('/') && !FORM_TYPE.test(type);

const isOwnPage = (site: unknown): boolean => site === 'same-origin' || site === 'none';

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

export class RequestHeaderMissingError extends Problem {
  constructor() {
    super(
      403,
      'REQUEST_HEADER_MISSING',
      `Without API keys, a request that changes something must show that no page of another site sent it: add the header ${OWN_HEADER}: 1, or Content-Type: application/json. For curl: -H '${OWN_HEADER}: 1'`,
    );
  }
}

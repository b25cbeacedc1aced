import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { Problem } from '../core/problem.js';
import { API } from './api.js';
import { readBodies, type TextBody } from './bodies.js';
import { plainForwardedFor, reportForwarding } from './forwarded-for.js';
import { ProblemFilter } from './problem.filter.js';
import { rebindingProtection } from './rebinding-protection.js';
import { SchemaPipe } from './schema.pipe.js';
import { UnusedInputInterceptor } from './unused-input.interceptor.js';

export interface HttpOptions {
  /** Middleware that runs first, for every request. */
  observe?: RequestHandler;
  /** Reject requests whose `Host` or `Origin` is not local. For a loopback address without API keys. Default: false. */
  localOnly?: boolean;
  /** Answer the API and its documentation with 404 ROLE_OFF. For a process without the role `api`. Default: false. */
  apiOff?: boolean;
  /** Middleware for the API that runs before the body is read. */
  beforeBodies?: RequestHandler;
  /** Express's `trust proxy`: the number or the addresses of the proxies in front of the service. Default: none. */
  trustProxy?: number | string[] | undefined;
  /** Without `trustProxy`: called once, with the name of the header, when a request shows that a proxy has forwarded it. */
  onUntrustedProxy?: ((header: string) => void) | undefined;
  /** Routes whose body is text. All other bodies are JSON of at most 1 MiB. */
  textBodies?: readonly TextBody[];
}

/** Sets up everything between the socket and the controllers, the same in tests and in the service. Call it before `init` and
 *  `listen`, on an application created with `bodyParser: false`. */
export function setUpHttp(app: NestExpressApplication, options: HttpOptions = {}): void {
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  if (options.trustProxy !== undefined) app.set('trust proxy', options.trustProxy).use(plainForwardedFor);
  else if (options.onUntrustedProxy) app.use(reportForwarding(options.onUntrustedProxy));
  if (options.observe) app.use(options.observe);
  app.use(noStore, securityHeaders);
  if (options.localOnly) app.use(rebindingProtection);
  if (options.apiOff) app.use(API_PATHS, answerRoleOff);
  if (options.beforeBodies) app.use(`/${API}`, options.beforeBodies);
  readBodies(app, options.textBodies);
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalInterceptors(new UnusedInputInterceptor());
  app.useGlobalPipes(new SchemaPipe());
}

function noStore(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}

/** The service speaks plain HTTP. The proxy that terminates TLS decides about HSTS and upgrades to HTTPS. */
const securityHeaders = helmet({
  contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  strictTransportSecurity: false,
});

/** The paths that a process without the role `api` does not serve. It still serves health and metrics. */
const API_PATHS = [`/${API}`, '/docs', '/docs-json'];

const answerRoleOff: RequestHandler = (_request, _response, next) =>
  next(
    new Problem(
      404,
      'ROLE_OFF',
      'This process does not have the role api: send the request to a process that has it, or add api to ROLES here.',
    ),
  );

import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { Problem } from '../core/problem.js';
import { API } from './api.js';
import { BodyGuard, BodyTypes, type TextBody } from './bodies.js';
import { limitConnections, type ConnectionLimit } from './connections.js';
import { plainForwardedFor, reportForwarding } from './forwarded-for.js';
import { limitRequests } from './incoming-requests.js';
import { ProblemFilter } from './problem.filter.js';
import { rebindingProtection } from './rebinding-protection.js';
import { type RequestLimits, RequestSlots } from './request-slots.js';
import { SchemaPipe } from './schema.pipe.js';
import { drainUnreadBodies } from './unread-bodies.js';
import { UnusedInputInterceptor } from './unused-input.interceptor.js';

export interface HttpOptions {
  /** Middleware that runs first, for every request. */
  observe?: RequestHandler;
  /** Reject requests that a page of another site may have sent. For a loopback address without API keys. Default: false. */
  localOnly?: boolean;
  /** Answer the API and its documentation with 404 ROLE_OFF. For a process without the role `api`. Default: false. */
  apiOff?: boolean;
  /** Middleware that may send a response without the guards. For health. */
  respond?: RequestHandler;
  /** Do not serve the documentation: 404 DOCS_OFF. Default: false. */
  docsOff?: boolean;
  /** Middleware for the API that checks the key, so that a client without one does not learn which paths exist. */
  authenticate?: RequestHandler;
  /** Express's `trust proxy`: the number or the addresses of the proxies in front of the service. Default: none. */
  trustProxy?: number | string[] | undefined;
  /** Without `trustProxy`: called once, with the name of the header, when a request shows that a proxy has forwarded it. */
  onUntrustedProxy?: ((header: string) => void) | undefined;
  /** Routes whose body is text. All other bodies are JSON of at most 1 MiB. */
  textBodies?: readonly TextBody[];
  /** The bodies of all requests in flight, in bytes. Default: 32 MiB. */
  maxBodyBytes?: number;
  /** The requests in flight of one client. Default: no limit. */
  requestLimits?: RequestLimits;
  /** Open connections, and what to call when one is closed for that limit. Default: no limit, and the timeouts of Node. */
  connections?: { max: number; onLimit: (limit: ConnectionLimit) => void };
}

const DEFAULT_BODY_BYTES = 32 * 1024 * 1024;

/** Sets up everything between the socket and the controllers, the same in tests and in the service. Call it before `init` and
 *  `listen`, on an application created with `bodyParser: false`. */
export function setUpHttp(app: NestExpressApplication, options: HttpOptions = {}): void {
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  if (options.trustProxy !== undefined) app.set('trust proxy', options.trustProxy).use(plainForwardedFor);
  else if (options.onUntrustedProxy) app.use(reportForwarding(options.onUntrustedProxy));
  if (options.connections) {
    limitRequests(app.getHttpServer());
    limitConnections(app.getHttpServer(), options.connections.max, options.connections.onLimit);
  }
  if (options.observe) app.use(options.observe);
  app.use(drainUnreadBodies, noStore, securityHeaders);
  const bodyTypes = new BodyTypes(options.textBodies ?? []);
  if (options.localOnly) app.use(rebindingProtection);
  if (options.respond) app.use(options.respond);
  if (options.apiOff) app.use([`/${API}`, ...DOCS_PATHS], answerRoleOff);
  if (options.docsOff) app.use(DOCS_PATHS, answerDocsOff);
  if (options.authenticate) app.use(`/${API}`, options.authenticate);
  if (options.requestLimits) {
    const slots = new RequestSlots(options.requestLimits);
    app.useGlobalGuards(slots);
    app.useGlobalInterceptors(slots);
  }
  // After the guard that checks the role, and after all other global guards.
  app.useGlobalGuards(new BodyGuard(bodyTypes, options.maxBodyBytes ?? DEFAULT_BODY_BYTES));
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

const DOCS_PATHS = ['/docs', '/docs-json'];

const answerDocsOff: RequestHandler = (_request, _response, next) =>
  next(new Problem(404, 'DOCS_OFF', 'This service does not serve its documentation, because of DOCS=off.'));

/** A process without the role `api` still serves health and metrics. */
const answerRoleOff: RequestHandler = (_request, _response, next) =>
  next(
    new Problem(
      404,
      'ROLE_OFF',
      'This process does not have the role api: send the request to a process that has it, or add api to ROLES here.',
    ),
  );

import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { API } from './api.js';
import { readBodies, type TextBody } from './bodies.js';
import { localOnly } from './local-only.js';
import { ProblemFilter } from './problem.filter.js';
import { API_PATHS, roleOff } from './role-off.js';
import { SchemaPipe } from './schema.pipe.js';
import { UnreadParts } from './unread-parts.js';

export interface HttpOptions {
  /** Called first, for each request. */
  observe?: RequestHandler;
  /** Refuse requests whose `Host` or `Origin` is not local: for a loopback address without API keys. */
  localOnly?: boolean;
  /** Refuse the API and its documentation: for a process without the role `api`. */
  apiOff?: boolean;
  /** Called for each request below the API's base before its body is read. */
  beforeBodies?: RequestHandler;
  /** The proxies before the service, as Express takes them; none unless given. */
  trustProxy?: number | string[] | undefined;
  /** Routes that take a body other than JSON of at most 1 MiB. */
  textBodies?: readonly TextBody[];
}

/** Everything between the socket and the controllers, the same in tests as in service. Call it before `init` and
 *  `listen`, on an application made with `bodyParser: false`. */
export function setUpHttp(app: NestExpressApplication, options: HttpOptions = {}): void {
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  if (options.trustProxy !== undefined) app.set('trust proxy', options.trustProxy);
  if (options.observe) app.use(options.observe);
  app.use(answerHeaders, protectiveHeaders);
  if (options.localOnly) app.use(localOnly);
  if (options.apiOff) app.use(API_PATHS, roleOff);
  if (options.beforeBodies) app.use(`/${API}`, options.beforeBodies);
  readBodies(app, options.textBodies);
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalInterceptors(new UnreadParts());
  app.useGlobalPipes(new SchemaPipe());
}

function answerHeaders(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}

/** Whether browsers come by TLS is for whoever terminates it to say; the service itself speaks HTTP. */
const protectiveHeaders = helmet({
  contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  strictTransportSecurity: false,
});

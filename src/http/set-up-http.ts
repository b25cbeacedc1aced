import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { readBodies, type TextBody } from './bodies.js';
import { localOnly } from './local-only.js';
import { ProblemFilter } from './problem.filter.js';
import { API_PATHS, roleOff } from './role-off.js';
import { SchemaPipe } from './schema.pipe.js';

export interface HttpOptions {
  /** Refuse requests whose `Host` or `Origin` is not local: for a loopback address without API keys. */
  localOnly?: boolean;
  /** Refuse the API and its documentation: for a process without the role `api`. */
  apiOff?: boolean;
  /** Routes that take a body other than JSON of at most 1 MiB. */
  textBodies?: readonly TextBody[];
}

/** Everything between the socket and the controllers, the same in tests as in service. Call it before `init` and
 *  `listen`, on an application made with `bodyParser: false`. */
export function setUpHttp(app: NestExpressApplication, options: HttpOptions = {}): void {
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(answerHeaders);
  if (options.localOnly) app.use(localOnly);
  if (options.apiOff) app.use(API_PATHS, roleOff);
  readBodies(app, options.textBodies);
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalPipes(new SchemaPipe());
}

function answerHeaders(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  next();
}

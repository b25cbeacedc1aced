import type { IncomingMessage } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { Problem } from '../core/problem.js';

const JSON_LIMIT_BYTES = 1024 * 1024;

/** A route whose body is text. */
export interface TextBody {
  method: string;
  /** The full path, such as `/api/v1/jobs-file`. */
  path: string;
  /** Accepted media types, in lower case and without parameters. */
  types: readonly string[];
  limitBytes: number;
}

/** Installs the body parsers. A body is JSON of at most 1 MiB, a merge patch for PATCH, or text for the routes in `texts`. Any other
 *  media type is answered with 415. */
export function readBodies(app: NestExpressApplication, texts: readonly TextBody[] = []): void {
  const textOf = (request: IncomingMessage) => texts.find(({ method, path }) => isRoute(request, method, path));
  const acceptedBy = (request: IncomingMessage) => textOf(request)?.types ?? jsonTypes(request.method);

  app.use((request: Request, _response: Response, next: NextFunction) => {
    const types = acceptedBy(request);
    next(hasBody(request) && !types.includes(mediaType(request)) ? wrongType(types) : undefined);
  });
  for (const text of texts) {
    app.useBodyParser('text', {
      type: (request) => hasBody(request) && textOf(request) === text,
      limit: text.limitBytes,
    });
  }
  // Not strict: a string or a number is well-formed JSON. The schema then rejects it with 422.
  app.useBodyParser('json', {
    type: (request) => hasBody(request) && textOf(request) === undefined,
    limit: JSON_LIMIT_BYTES,
    strict: false,
  });
}

const isRoute = (request: IncomingMessage, method: string, path: string): boolean =>
  request.method === method && request.url?.replace(/\/?(\?.*)?$/s, '').toLowerCase() === path.toLowerCase();

const jsonTypes = (method = ''): readonly string[] =>
  method === 'PATCH' ? ['application/merge-patch+json', 'application/json'] : ['application/json'];

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

const mediaType = ({ headers }: IncomingMessage): string =>
  headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';

const wrongType = (types: readonly string[]): Problem =>
  new Problem(415, 'UNSUPPORTED_MEDIA_TYPE', `Send the body with Content-Type ${types.join(' or ')}.`);

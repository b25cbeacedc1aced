import type { IncomingMessage } from 'node:http';
import { type CanActivate, type ExecutionContext, HttpException, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { Problem } from '../core/problem.js';
import { decoderOf, jsonOf, textOf } from './body-content.js';
import { onDone } from './on-done.js';

const JSON_LIMIT_BYTES = 1024 * 1024;
const BODY_LIMIT = 'cronzimus:body-limit';
/** How long a client may send nothing in the middle of a body. */
const MAX_PAUSE_MS = 5_000;
/** How long a whole body may take. */
export const MAX_BODY_MS = 30_000;

/** The largest body of a route, in bytes. For a route that needs less than the 1 MiB of other routes: a large body costs much to parse,
 *  even if it is invalid. */
export const BodyLimit = (bytes: number): MethodDecorator => SetMetadata(BODY_LIMIT, bytes);

/** A route whose body is text. */
export interface TextBody {
  method: string;
  /** The full path, such as `/api/v1/jobs-file`. */
  path: string;
  /** Accepted media types, in lower case and without parameters. */
  types: readonly string[];
  limitBytes: number;
  /** The error for a body that is not text in its charset. `line` is where, from 1. */
  undecodable: (line: number) => Problem;
}

/** Says which bodies a request may have: JSON of at most 1 MiB, a merge patch for PATCH, or text for the routes in `texts`. */
export class BodyTypes {
  constructor(private readonly texts: readonly TextBody[]) {}

  textOf(request: IncomingMessage): TextBody | undefined {
    return this.texts.find(({ method, path }) => isRoute(request, method, path));
  }

  /** The media types that the route of a request accepts. */
  acceptedBy(request: IncomingMessage): readonly string[] {
    return this.textOf(request)?.types ?? jsonTypes(request.method);
  }

  isAccepted(request: IncomingMessage): boolean {
    return this.acceptedBy(request).includes(mediaType(request));
  }
}

/** Reads the body of a request. As the last global guard it runs after the route is found and its role is checked, so the service
 *  neither reads nor buffers the body of a client to whom the route is closed.
 *
 *  The bodies of all requests together may have `maxBytes`, counted from their headers until their responses have been sent: a
 *  Content-Length in advance, a body of unknown length as it arrives, and a compressed body as the largest that the route accepts. */
export class BodyGuard implements CanActivate {
  /** The bytes of all requests in flight. */
  private heldBytes = 0;
  private readonly reflector = new Reflector();

  constructor(
    private readonly types: BodyTypes,
    private readonly maxBytes: number,
  ) {}

  /** Throws 415, 413 and 503 before it reads anything when the headers are enough to decide. Throws 408 for a body that is too slow. */
  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<Request>();
    if (context.getType() !== 'http' || !hasBody(request)) return true;
    if (!this.types.isAccepted(request)) throw wrongType(this.types.acceptedBy(request));
    const text = this.types.textOf(request);
    const ofRoute = this.reflector.get<number | undefined>(BODY_LIMIT, context.getHandler());
    const limit = ofRoute ?? text?.limitBytes ?? JSON_LIMIT_BYTES;
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > limit) throw new PayloadTooLargeError();
    const decoder = decoderOf(request, !text);
    const response = context.switchToHttp().getResponse<Response>();
    const hold = this.hold(request, response);
    hold(isCompressed(request) ? limit : declared);
    await readWith(bytesParser(limit), request, response, (chunk, received) => {
      if (received > limit) throw new PayloadTooLargeError();
      if (declared === 0 && !isCompressed(request)) hold(chunk);
    });
    const bytes = request.body as Buffer;
    request.body = text ? textOf(bytes, decoder, text.undecodable) : jsonOf(bytes, decoder);
    return true;
  }

  /** Returns a function that counts bytes until the response has been sent. It throws TOO_MANY_BODY_BYTES when other requests leave
   *  too little. A request that is alone always passes. */
  private hold(request: Request, response: Response): (bytes: number) => void {
    let held = 0;
    onDone(request, response, () => {
      this.heldBytes -= held;
      held = Number.NaN;
    });
    return (bytes) => {
      if (Number.isNaN(held)) throw new ConnectionClosedError();
      const others = this.heldBytes - held;
      if (others > 0 && this.heldBytes + bytes > this.maxBytes) throw new TooManyBodyBytesError();
      held += bytes;
      this.heldBytes += bytes;
    };
  }
}

/** Reads a body with a parser of Express into `request.body`. `check` is called for each chunk with its length and with the length so
 *  far. What it throws ends the reading. */
function readWith(
  parser: RequestHandler,
  request: Request,
  response: Response,
  check: (chunk: number, received: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = 0;
    const count = (chunk: Buffer) => {
      pause.refresh();
      received += chunk.length;
      try {
        check(chunk.length, received);
      } catch (error) {
        refuse(error as Error);
      }
    };
    const end = (error?: Error) => {
      clearTimeout(pause);
      clearTimeout(total);
      request.off('data', count);
      if (error) reject(error);
      else resolve();
    };
    // Takes the body away from the parser, which would otherwise keep what still arrives.
    const refuse = (error: Error) => {
      request.unpipe();
      request.removeAllListeners('data').resume();
      end(error);
    };
    const tooSlow = () => {
      response.setHeader('Connection', 'close');
      refuse(new BodyTooSlowError());
    };
    const pause = setTimeout(tooSlow, MAX_PAUSE_MS);
    const total = setTimeout(tooSlow, MAX_BODY_MS);
    request.on('data', count);
    void parser(request, response, (error?: unknown) => {
      end(error instanceof Error ? asHttpException(error) : undefined);
    });
  });
}

/** An error of a parser, in the form in which Nest passes on the errors of middleware. */
const asHttpException = (error: Error & { status?: number }) =>
  new HttpException(error.message, error.status ?? 400, { cause: error });

const bytesParser = (limit: number) => express.raw({ type: () => true, limit });

const isRoute = (request: IncomingMessage, method: string, path: string): boolean =>
  request.method === method && request.url?.replace(/\/?(\?.*)?$/s, '').toLowerCase() === path.toLowerCase();

const jsonTypes = (method = ''): readonly string[] =>
  method === 'PATCH' ? ['application/merge-patch+json', 'application/json'] : ['application/json'];

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

const isCompressed = ({ headers }: IncomingMessage): boolean =>
  (headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity';

const mediaType = ({ headers }: IncomingMessage): string =>
  headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';

const wrongType = (types: readonly string[]): Problem =>
  new Problem(415, 'UNSUPPORTED_MEDIA_TYPE', `Send the body with Content-Type ${types.join(' or ')}.`);

export class PayloadTooLargeError extends Problem {
  constructor() {
    super(413, 'PAYLOAD_TOO_LARGE', 'The body is larger than this route accepts.');
  }
}

export class BodyTooSlowError extends Problem {
  constructor() {
    super(
      408,
      'BODY_TOO_SLOW',
      `A body must arrive within ${MAX_BODY_MS / 1000} s, without a pause of ${MAX_PAUSE_MS / 1000} s; send it again.`,
    );
  }
}

export class TooManyBodyBytesError extends Problem {
  constructor() {
    super(503, 'TOO_MANY_BODY_BYTES', 'The service is reading as many bytes of bodies as it may; try again.');
  }
}

/** Nobody gets the response to this. */
export class ConnectionClosedError extends Problem {
  constructor() {
    super(400, 'BAD_REQUEST', 'The client closed the connection.');
  }
}

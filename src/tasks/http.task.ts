import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { NameResolver } from '../core/dns/name-resolver.js';
import { packageVersion } from '../core/package-version.js';
import { fillIn } from '../core/template.js';
import { Metrics } from '../metrics/metrics.js';
import { type OutgoingRequest, sendRequest } from './http-client.js';
import { Destinations } from './http-destinations.js';
import { acceptEncoding } from './http-decoding.js';
import { AddressRefusedError, HttpFailedError, HttpStatusError } from './http-errors.js';
import { httpInput, type HttpInput } from './http-input.js';
import { type HttpOutput, readResponse } from './http-response.js';
import { placeholderValues } from './placeholders.js';
import { retryAfterSeconds } from './retry-after.js';
import type { RunContext } from './run-context.js';
import { Task, type TaskHandler } from './task.decorator.js';

/** Sends an HTTP request. Fails when the status of the response is not an expected one. */
@Injectable()
@Task({
  name: 'http',
  description:
    'Sends an HTTP request with an Idempotency-Key. The status of the response decides whether the run succeeds.',
  input: httpInput,
})
export class HttpTask implements TaskHandler<typeof httpInput> {
  private readonly destinations: Destinations;
  private readonly blocked;

  constructor(
    @Inject(ENVIRONMENT) environment: Pick<Environment, 'HOST' | 'HTTP_TASK_ALLOWED_HOSTS'>,
    metrics: Metrics,
    private readonly names: NameResolver,
  ) {
    this.destinations = new Destinations(environment);
    this.blocked = metrics.counter(
      'http_task_blocked_total',
      'Requests of the http task that were refused because of their address',
    );
  }

  /** Throws a Problem: HTTP_STATUS, HTTP_FAILED or ADDRESS_REFUSED. Once the signal has aborted, throws its reason. */
  async run(input: HttpInput, context: RunContext): Promise<HttpOutput> {
    const request = fillIn(input, placeholderValues(context));
    const { output, retryAfter } = await this.send(request, context);
    if (!isExpected(output.status, request.expectStatus)) throw new HttpStatusError(request, output, retryAfter);
    return output;
  }

  private async send(
    request: HttpInput,
    context: RunContext,
  ): Promise<{ output: HttpOutput; retryAfter: number | undefined }> {
    try {
      const network = { destinations: this.destinations, names: this.names };
      const mayFollow = (status: number) => !isExpected(status, request.expectStatus);
      const response = await sendRequest(requestOf(request, context), network, mayFollow, context.signal);
      const output = await readResponse(response);
      // For Node, a body without a length is complete when the signal has closed its connection.
      context.signal.throwIfAborted();
      return { output, retryAfter: retryAfterSeconds(response, Date.now()) };
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof AddressRefusedError)) throw new HttpFailedError(request, error);
      this.blocked.inc();
      throw error;
    }
  }
}

/** The request for an input whose placeholders are replaced. */
function requestOf({ method, url, headers: given, body }: HttpInput, context: RunContext): OutgoingRequest {
  const headers = new Headers({
    Accept: '*/*',
    'Accept-Encoding': acceptEncoding,
    'Idempotency-Key': context.run.idempotencyKey,
    'User-Agent': `Cronzimus/${packageVersion}`,
    'Cronzimus-Job': context.job.name,
    'Cronzimus-Run': context.run.id,
    'Cronzimus-Scheduled-At': context.scheduledAt.toISOString(),
    'Cronzimus-Attempt': String(context.attempt),
  });
  if (body !== undefined)
    headers.set('Content-Type', typeof body === 'string' ? 'text/plain;charset=UTF-8' : 'application/json');
  for (const [name, value] of Object.entries(given)) headers.set(name, value);
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  // For DELETE, Node sends a body without its length, which a server would read as another request.
  if (text !== undefined) headers.set('Content-Length', String(Buffer.byteLength(text)));
  return { method, url: new URL(url), headers, body: text };
}

const isExpected = (status: number, expected: HttpInput['expectStatus']): boolean =>
  expected === undefined ? status >= 200 && status <= 299 : [expected].flat().includes(status);

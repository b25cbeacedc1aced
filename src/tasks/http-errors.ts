import { isNativeError } from 'node:util/types';
import { Problem } from '../core/problem.js';
import type { HttpInput } from './http-input.js';
import type { HttpOutput } from './http-response.js';

const MAX_EXCERPT = 1024;

/** The response has a status that does not count as success. */
export class HttpStatusError extends Problem {
  constructor(
    request: HttpInput,
    { status, body }: HttpOutput,
    /** How long the server asks to wait before the next request. Undefined when it does not. */
    readonly retryAfterSeconds?: number,
  ) {
    const { expectStatus } = request;
    const expected = expectStatus === undefined ? 'a 2xx' : [expectStatus].flat().join(' or ');
    super(502, 'HTTP_STATUS', `${describe(request)} returned ${status} instead of ${expected}${excerpt(body)}`);
  }
}

/** There was no response, or not a complete one. */
export class HttpFailedError extends Problem {
  constructor(request: HttpInput, thrown: unknown) {
    super(502, 'HTTP_FAILED', `${describe(request)} failed: ${messageOf(thrown)}`);
    this.cause = thrown;
  }
}

/** The http task, or another sender, must not connect to this address. */
export class AddressRefusedError extends Problem {
  constructor(host: string, address: string, rule: string, sender: string) {
    const where = host === address ? address : `"${host}", which resolves to ${address}`;
    super(422, 'ADDRESS_REFUSED', `${sender} does not connect to ${where}: ${rule}`);
  }
}

/** Without the query, which often contains a credential. */
function describe({ method, url }: HttpInput): string {
  const { origin, pathname } = new URL(url);
  return `${method} ${origin}${pathname}`;
}

function excerpt(body: unknown): string {
  if (body === null) return '';
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return `: ${new TextDecoder().decode(bytes.subarray(0, MAX_EXCERPT), { stream: true })}`;
}

/** For a host with several addresses, Node throws an AggregateError with one error for each address. */
export function messageOf(thrown: unknown): string {
  if (!isNativeError(thrown)) return String(thrown);
  return 'errors' in thrown && Array.isArray(thrown.errors) ? thrown.errors.map(messageOf).join('; ') : thrown.message;
}

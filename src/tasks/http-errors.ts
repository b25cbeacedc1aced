import { isNativeError } from 'node:util/types';
import { Problem } from '../core/problem.js';
import type { HttpAnswer } from './http-answer.js';
import type { HttpInput } from './http-input.js';

const LONGEST_EXCERPT = 1024;

/** The request was answered, with a status that does not count as success. */
export class HttpStatusError extends Problem {
  constructor(request: HttpInput, { status, body }: HttpAnswer) {
    const { expectStatus } = request;
    const expected = expectStatus === undefined ? 'a 2xx' : [expectStatus].flat().join(' or ');
    super(502, 'HTTP_STATUS', `${named(request)} answered ${status} instead of ${expected}${excerpt(body)}`);
  }
}

/** The request was not answered, or not to the end. */
export class HttpFailedError extends Problem {
  constructor(request: HttpInput, thrown: unknown) {
    super(502, 'HTTP_FAILED', `${named(request)} failed: ${why(thrown)}`);
    this.cause = thrown;
  }
}

/** An address that tasks must not connect to, whatever a job or a redirect says. */
export class AddressRefusedError extends Problem {
  constructor(host: string, address: string, rule: string) {
    const where = host === address ? address : `"${host}", which leads to ${address}`;
    super(422, 'ADDRESS_REFUSED', `The http task does not connect to ${where}: ${rule}`);
  }
}

/** Without the query, which often holds a key. */
function named({ method, url }: HttpInput): string {
  const { origin, pathname } = new URL(url);
  return `${method} ${origin}${pathname}`;
}

function excerpt(body: unknown): string {
  if (body === null) return '';
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return `: ${new TextDecoder().decode(bytes.subarray(0, LONGEST_EXCERPT), { stream: true })}`;
}

/** For a host with several addresses, what happened is in one error of each. */
function why(thrown: unknown): string {
  if (!isNativeError(thrown)) return String(thrown);
  return 'errors' in thrown && Array.isArray(thrown.errors) ? thrown.errors.map(why).join('; ') : thrown.message;
}

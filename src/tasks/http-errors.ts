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

/** fetch says "fetch failed"; what happened is in the cause, or for a host with several addresses in one error of each. */
function why(thrown: unknown): string {
  if (!isNativeError(thrown)) return String(thrown);
  if ('errors' in thrown && Array.isArray(thrown.errors)) return thrown.errors.map(why).join('; ');
  return thrown.cause === undefined ? thrown.message : why(thrown.cause);
}

import type { OpenAPIObject } from '@nestjs/swagger';
import { TooManyWaitingError } from '../core/fair-queue.js';
import { Problem } from '../core/problem.js';
import { API } from './api.js';
import { IdempotencyKeyReusedError } from './idempotency-key.js';
import { PreconditionFailedError } from './preconditions.js';
import { PROBLEM_JSON, type ProblemBody, problemBody } from './problem-body.js';
import { problemResponse } from './problems.decorator.js';
import { BodyTooSlowError, PayloadTooLargeError, TooManyBodyBytesError } from './bodies.js';
import { ForbiddenHostError, ForbiddenOriginError, RequestHeaderMissingError } from './rebinding-protection.js';
import { TooManyRequestsError } from './request-slots.js';

/** One route in the OpenAPI document. */
export type Operation = NonNullable<OpenAPIObject['paths'][string]['get']> & { 'x-required-role'?: string };

type Documented = { content?: Record<string, { examples?: Record<string, { value: ProblemBody }> }> } | undefined;

const ofEveryRoute = [new ForbiddenHostError(), new ForbiddenOriginError()];
const invalidParameter = new Problem(
  400,
  'INVALID_PARAMETER',
  'The request is not valid. /limit: Must be at most 500',
  [{ path: '/limit', message: 'Must be at most 500' }],
);
const malformedUrl = new Problem(400, 'MALFORMED_URL', 'The path contains a malformed percent escape.');
const unexpectedBody = new Problem(422, 'INVALID_BODY', 'The body is not valid. This route takes no body', [
  { path: '', message: 'This route takes no body' },
]);
const ofBody = [
  new Problem(400, 'MALFORMED_JSON', 'The body is not JSON: Unexpected end of JSON input.'),
  new Problem(400, 'BAD_REQUEST', 'request size did not match content length'),
  new BodyTooSlowError(),
  new PayloadTooLargeError(),
  new Problem(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send the body with Content-Type application/json.'),
  new TooManyBodyBytesError(),
];
const ofParameter: Record<string, Problem> = {
  cursor: new Problem(400, 'INVALID_CURSOR', 'Send the nextCursor of an earlier page, or leave the cursor out.'),
  'If-Match': new PreconditionFailedError('"mbwrr0zk-4"'),
  'Idempotency-Key': new IdempotencyKeyReusedError('5f1c…'),
};

/** Documents the errors that follow from the parameters and the body of a route, in addition to those that it declares. */
export function addImpliedProblems(path: string, method: string, operation: Operation): void {
  const { parameters = [], requestBody, responses } = operation;
  const isApi = path.startsWith(`/${API}/`);
  const accepted = parameters.flatMap((parameter) => ('in' in parameter ? [parameter] : []));
  const implied = [
    ...ofEveryRoute,
    ...(isApi ? [invalidParameter, new TooManyRequestsError(100)] : []),
    ...(method === 'get' ? [] : [new RequestHeaderMissingError()]),
    // Reads wait for their turn.
    ...(method === 'get' && (isApi || path === '/metrics') ? [new TooManyWaitingError()] : []),
    ...(accepted.some((parameter) => parameter.in === 'path') ? [malformedUrl] : []),
    ...(isApi && method !== 'get' && !requestBody ? [unexpectedBody] : []),
    ...accepted.flatMap(({ name }) => ofParameter[name] ?? []),
    ...(requestBody ? ofBody : []),
  ];
  for (const [status, alike] of Map.groupBy(implied, (problem) => problem.status)) {
    const declared = Object.values((responses[status] as Documented)?.content?.[PROBLEM_JSON]?.examples ?? {});
    responses[status] = problemResponse([...alike.map(problemBody), ...declared.map(({ value }) => value)]);
  }
}

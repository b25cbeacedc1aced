import type { OpenAPIObject } from '@nestjs/swagger';
import { Problem } from '../core/problem.js';
import { API } from './api.js';
import { IdempotencyKeyReusedError } from './idempotency-key.js';
import { ForbiddenHostError, ForbiddenOriginError } from './local-only.js';
import { operationsOf } from './operations-of.js';
import { PreconditionFailedError } from './preconditions.js';
import { PROBLEM_JSON, type ProblemBody, problemBody } from './problem-body.js';
import { problemResponse } from './problems.decorator.js';

type Documented = { content?: Record<string, { examples?: Record<string, { value: ProblemBody }> }> } | undefined;

const invalidParameter = new Problem(
  400,
  'INVALID_PARAMETER',
  'The request is not valid. /limit: Must be at most 500',
  [{ path: '/limit', message: 'Must be at most 500' }],
);
const local = [new ForbiddenHostError(), new ForbiddenOriginError()];
const malformedUrl = new Problem(400, 'MALFORMED_URL', 'The path contains a malformed percent escape.');
const noBody = new Problem(422, 'INVALID_BODY', 'The body is not valid. This route takes no body', [
  { path: '', message: 'This route takes no body' },
]);
const ofBody = [
  new Problem(400, 'MALFORMED_JSON', 'The body is not JSON: Unexpected end of JSON input.'),
  new Problem(400, 'BAD_REQUEST', 'request size did not match content length'),
  new Problem(413, 'PAYLOAD_TOO_LARGE', 'The body is larger than this route takes.'),
  new Problem(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send the body with Content-Type application/json.'),
];
const ofParameter: Record<string, Problem> = {
  cursor: new Problem(400, 'INVALID_CURSOR', 'Give the nextCursor of an earlier answer, or leave the cursor out.'),
  'If-Match': new PreconditionFailedError('"mbwrr0zk-4"'),
  'Idempotency-Key': new IdempotencyKeyReusedError('5f1c…'),
};

/** Adds to each route the errors that follow from what it takes. */
export function addGeneralProblems(document: OpenAPIObject): void {
  for (const { path, method, operation } of operationsOf(document)) {
    const { parameters = [], requestBody, responses } = operation;
    const ours = path.startsWith(`/${API}/`);
    const taken = parameters.flatMap((parameter) => ('in' in parameter ? [parameter] : []));
    const general = [
      ...local,
      ...(ours ? [invalidParameter] : []),
      ...(taken.some((one) => one.in === 'path') ? [malformedUrl] : []),
      ...(ours && method !== 'get' && !requestBody ? [noBody] : []),
      ...taken.flatMap(({ name }) => ofParameter[name] ?? []),
      ...(requestBody ? ofBody : []),
    ];
    for (const [status, alike] of Map.groupBy(general, (problem) => problem.status)) {
      const own = Object.values((responses[status] as Documented)?.content?.[PROBLEM_JSON]?.examples ?? {});
      responses[status] = problemResponse([...alike.map(problemBody), ...own.map(({ value }) => value)]);
    }
  }
}

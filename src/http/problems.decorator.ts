import { STATUS_CODES } from 'node:http';
import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { Problem } from '../core/problem.js';
import { PROBLEM_JSON, problemBody } from './problem-body.js';
import { codeOf } from './problem-of.js';

const EXAMPLES: Record<number, Problem> = {
  400: new Problem(400, 'INVALID_PARAMETER', 'The request is not valid. /limit: Must be at most 500', [
    { path: '/limit', message: 'Must be at most 500' },
  ]),
  404: new Problem(404, 'NOT_FOUND', 'There is nothing of that name.'),
  412: new Problem(412, 'PRECONDITION_FAILED', 'It was changed since; read it again.'),
  413: new Problem(413, 'PAYLOAD_TOO_LARGE', 'The body is larger than this route takes.'),
  415: new Problem(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send the body with Content-Type application/json.'),
  422: new Problem(422, 'INVALID_BODY', 'The body is not valid. /priorty: Unknown field', [
    { path: '/priorty', message: 'Unknown field' },
  ]),
  503: new Problem(503, 'DATABASE_UNAVAILABLE', 'The database cannot be reached; try again.'),
};

/** Documents the errors a route, or each route of a controller, answers: a status for the usual one, or the very
 *  problem that is thrown, as its own example. A route's own answers need an `@ApiResponse` beside it. */
export function Problems(...answers: (number | Problem)[]): MethodDecorator & ClassDecorator {
  const problems = answers.map((answer) => (typeof answer === 'number' ? usual(answer) : answer));
  const byStatus = Map.groupBy(problems, ({ status }) => status);
  return applyDecorators(...[...byStatus].map(([status, alike]) => documented(status, alike)));
}

const usual = (status: number): Problem =>
  EXAMPLES[status] ?? new Problem(status, codeOf(status), STATUS_CODES[status] ?? 'Error');

const documented = (status: number, problems: Problem[]): MethodDecorator & ClassDecorator =>
  ApiResponse({
    status,
    description: [...new Set(problems.map(({ code }) => `\`${code}\``))].join(', '),
    content: {
      [PROBLEM_JSON]: {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(problems.map((problem) => [problem.code, { value: problemBody(problem) }])),
      },
    },
  });

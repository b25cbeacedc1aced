import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { Problem } from '../core/problem.js';
import { PROBLEM_JSON, type ProblemBody, problemBody } from './problem-body.js';

const COMMON = {
  422: [
    new Problem(422, 'INVALID_BODY', 'The body is not valid. /priorty: Unknown field', [
      { path: '/priorty', message: 'Unknown field' },
    ]),
  ],
  503: [
    new Problem(503, 'DATABASE_UNAVAILABLE', 'The database cannot be reached; try again.'),
    new Problem(503, 'DATABASE_BUSY', 'The database did not answer in time; try again.'),
  ],
};

/** Documents the errors of a route, or of each route of a controller. `addImpliedProblems` adds those that follow from parameters and
 *  body. Pass a status for its common errors, or an error as the service throws it, which becomes its own example. The successful
 *  response of a route needs an `@ApiResponse`. When a route and its controller declare the same status, only the errors of the
 *  route are documented. */
export function Problems(...errors: (keyof typeof COMMON | Problem)[]): MethodDecorator & ClassDecorator {
  const problems = errors.flatMap((error) => (typeof error === 'number' ? COMMON[error] : [error]));
  const byStatus = Map.groupBy(problems, ({ status }) => status);
  return applyDecorators(
    ...[...byStatus].map(([status, alike]) => ApiResponse({ status, ...problemResponse(alike.map(problemBody)) })),
  );
}

/** An OpenAPI response with one example per problem, named by its code. */
export const problemResponse = (problems: ProblemBody[]) => ({
  description: [...new Set(problems.map(({ code }) => `\`${code}\``))].join(', '),
  content: {
    [PROBLEM_JSON]: {
      schema: { $ref: '#/components/schemas/Problem' },
      examples: Object.fromEntries(problems.map((problem) => [problem.code, { value: problem }])),
    },
  },
});

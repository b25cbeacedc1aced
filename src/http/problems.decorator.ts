import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { Problem } from '../core/problem.js';
import { PROBLEM_JSON, type ProblemBody, problemBody } from './problem-body.js';

const USUAL = {
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

/** Documents the errors a route, or each route of a controller, answers besides those that follow from what it takes:
 *  a status for the usual ones, or the very problem that is thrown, as its own example. A route's own answers need an
 *  `@ApiResponse` beside it. Of a status, what stands at the route hides what stands at its controller. */
export function Problems(...answers: (keyof typeof USUAL | Problem)[]): MethodDecorator & ClassDecorator {
  const problems = answers.flatMap((answer) => (typeof answer === 'number' ? USUAL[answer] : [answer]));
  const byStatus = Map.groupBy(problems, ({ status }) => status);
  return applyDecorators(
    ...[...byStatus].map(([status, alike]) => ApiResponse({ status, ...problemResponse(alike.map(problemBody)) })),
  );
}

/** Each as an example under its code. */
export const problemResponse = (problems: ProblemBody[]) => ({
  description: [...new Set(problems.map(({ code }) => `\`${code}\``))].join(', '),
  content: {
    [PROBLEM_JSON]: {
      schema: { $ref: '#/components/schemas/Problem' },
      examples: Object.fromEntries(problems.map((problem) => [problem.code, { value: problem }])),
    },
  },
});

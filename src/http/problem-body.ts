import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import type { Problem } from '../core/problem.js';

export const PROBLEM_JSON = 'application/problem+json';

/** The body of every error response (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().describe('A URN made from the code. It is stable, and not a URL to fetch'),
    title: z.string().describe('The name of the HTTP status'),
    status: z.int().min(400).max(599),
    detail: z.string().describe('What went wrong, and what would have worked'),
    code: z.string().describe('A stable code that programs can compare'),
    errors: z
      .array(
        z.object({
          path: z.string().describe('A JSON pointer to the faulty value in the body, or to the faulty parameter'),
          message: z.string(),
          line: z.int().optional().describe('The line in the jobs file, counted from 1'),
        }),
      )
      .optional()
      .describe('All faults of the input. Absent when the input is not what is wrong'),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457)' });

export type ProblemBody = z.infer<typeof problemSchema>;

export const problemBody = ({ status, code, message, errors }: Problem): ProblemBody => ({
  type: `urn:cronzimus:problem:${code.toLowerCase().replaceAll('_', '-')}`,
  title: STATUS_CODES[status] ?? 'Error',
  status,
  detail: message,
  code,
  ...(errors?.length ? { errors } : {}),
});

import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import type { Problem } from '../core/problem.js';

export const PROBLEM_JSON = 'application/problem+json';

/** The body of every error answer (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().describe('A URN made from the code; stable, not for fetching'),
    title: z.string().describe('The name of the status'),
    status: z.int().min(400).max(599),
    detail: z.string().describe('What went wrong here, and what would have worked'),
    code: z.string().describe('Stable, for programs to compare'),
    errors: z
      .array(
        z.object({
          path: z.string().describe('A JSON pointer into the body, or to a parameter'),
          message: z.string(),
          line: z.int().optional().describe('Of a jobs file, from 1'),
        }),
      )
      .optional()
      .describe('Each fault of the input, where there are any'),
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

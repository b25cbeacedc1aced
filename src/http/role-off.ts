import type { RequestHandler } from 'express';
import { Problem } from '../core/problem.js';
import { API } from './api.js';

/** What a process without the role `api` does not serve. Probes and metrics go on. */
export const API_PATHS = [`/${API}`, '/docs', '/docs-json'];

/** Says of every path below where to ask instead. */
export const roleOff: RequestHandler = (_request, _response, next) =>
  next(
    new Problem(
      404,
      'ROLE_OFF',
      'This process does not have the role api: ask one that has it, or put api into ROLES here.',
    ),
  );

import { wordList } from './variable-types.js';

/** `api` serves /api/v1, `scheduler` declares jobs and dispatches due occurrences, `worker` runs tasks. */
export const ROLES = ['api', 'scheduler', 'worker'] as const;

export type ProcessRole = (typeof ROLES)[number];

/** One or more roles separated by commas. The result has no duplicates and is in the order of ROLES. */
export const roleList = wordList
  .refine(
    (words) => words.length > 0 && words.every((word) => ROLES.some((role) => role === word)),
    `must be one or more of ${ROLES.join(', ')}, separated by commas`,
  )
  .transform((words): ProcessRole[] => ROLES.filter((role) => words.includes(role)));

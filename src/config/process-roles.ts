import { wordList } from './values.js';

/** `api` serves /api/v1, `scheduler` declares jobs and dispatches what is due, `worker` runs tasks. */
export const ROLES = ['api', 'scheduler', 'worker'] as const;

export type ProcessRole = (typeof ROLES)[number];

/** At least one, between commas; answers them in the order above. */
export const roleList = wordList
  .refine(
    (words) => words.length > 0 && words.every((word) => ROLES.some((role) => role === word)),
    `must be one or more of ${ROLES.join(', ')}, between commas`,
  )
  .transform((words): ProcessRole[] => ROLES.filter((role) => words.includes(role)));

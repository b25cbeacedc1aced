/** SQL: whether the whole scheduler is paused, for a row of `scheduler`. A pause is over at its `paused_until`, also before anybody has
 *  written that. */
export const isSchedulerPaused = (scheduler: string): string =>
  `(${scheduler}.paused AND COALESCE(${scheduler}.paused_until > statement_timestamp(), true))`;

/** Longer than a poll and a slow transaction. */
const OVERDUE_SECONDS = 15;

/** Of jobs: what should have been dispatched by now. */
export const isOverdue = `NOT paused AND next_run_at < statement_timestamp() - interval '${OVERDUE_SECONDS} s'
  AND NOT (SELECT paused FROM scheduler)`;

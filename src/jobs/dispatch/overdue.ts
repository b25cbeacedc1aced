import { nextRun } from './due.js';

/** Longer than a poll and a slow transaction. */
const OVERDUE_SECONDS = 15;

/** Of jobs: what should have been dispatched by now. */
export const isOverdue = `${nextRun('jobs')} < statement_timestamp() - interval '${OVERDUE_SECONDS} s'
  AND NOT (SELECT paused FROM scheduler)`;

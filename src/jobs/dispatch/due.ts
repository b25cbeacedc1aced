/** Of a row of jobs: when to look at it next; 'infinity' while it is paused, and when nothing is left. In the words of the index
 *  jobs_next, which finds what is due and sorts lists. */
export const nextRun = (job: string): string =>
  `COALESCE(CASE WHEN NOT ${job}.paused THEN ${job}.next_run_at END, 'infinity')`;

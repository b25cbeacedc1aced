import { completeTrigger, openTrigger, triggerInput } from '../core/triggers/trigger.js';
import { instantOf } from './apscheduler-instant.js';
import type { ApschedulerJob } from './apscheduler-job.js';

/** What to say where the next run that the file names is no occurrence of the imported trigger: mostly the zone is another. */
export function otherNextRun(job: ApschedulerJob, written: unknown, timeZone = 'UTC'): string[] {
  const trigger = triggerInput.safeParse(written);
  if (!trigger.success || !job.next_run_time || job.jitter) return [];
  const next = new Date(instantOf('next_run_time', job.next_run_time, timeZone));
  const complete = completeTrigger(trigger.data, { timeZone, createdAt: next });
  const ours = openTrigger(complete, '').next(new Date(next.getTime() - 1));
  if (ours?.getTime() === next.getTime()) return [];
  const zone = complete.type === 'cron' ? ` in ${complete.timeZone}; say the scheduler's zone with --time-zone` : '';
  return [`next_run_time ${job.next_run_time} is no occurrence of its trigger${zone}`];
}

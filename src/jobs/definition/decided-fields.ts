import type { Job } from './job.entity.js';
import type { JobDefinition } from './job.schema.js';

/** What somebody has decided of a job, in the order in which answers show it. */
export const decidedFields = (job: Pick<Job, keyof JobDefinition>) => ({
  description: job.description,
  task: job.task,
  input: job.input,
  trigger: job.trigger,
  paused: job.paused,
  priority: job.priority,
  tags: job.tags,
  timeoutSeconds: job.timeoutSeconds,
  retry: job.retry,
  onInterruption: job.onInterruption,
  misfire: job.misfire,
  overlap: job.overlap,
});

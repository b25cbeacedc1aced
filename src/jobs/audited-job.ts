import type { Job } from './job.entity.js';

/** What the audit keeps of a job: all that somebody decided, and nothing that time does to it. */
export const auditedJob = (job: Omit<Job, 'id' | 'nextOccurrenceAt' | 'nextRunAt' | 'createdAt' | 'updatedAt'>) => ({
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
  source: job.source,
  owner: job.owner,
  version: job.version,
});

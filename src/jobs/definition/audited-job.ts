import { decidedFields } from './decided-fields.js';
import type { Job } from './job.entity.js';

/** What the audit keeps of a job: all that somebody decided, and nothing that time does to it. */
export const auditedJob = (job: Omit<Job, 'id' | 'nextOccurrenceAt' | 'nextRunAt' | 'createdAt' | 'updatedAt'>) => ({
  ...decidedFields(job),
  source: job.source,
  owner: job.owner,
  version: job.version,
});

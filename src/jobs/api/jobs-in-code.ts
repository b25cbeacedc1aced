import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '../../auth/actor.js';
import { faultsOf } from '../../core/schema-faults.js';
import { invalidBody } from '../../http/schema.pipe.js';
import { Replicas } from '../../replicas/replicas.js';
import type { RunView } from '../../runs/api/run.view.js';
import { jobDefinition, type JobDefinitionInput, jobName } from '../definition/job.schema.js';
import type { PauseTerms } from '../history/job-pauses.js';
import { JobDefinitionsService } from './job-definitions.service.js';
import type { JobView } from './job.view.js';
import { JobsService } from './jobs.service.js';

const namedJob = z.object({ name: jobName, definition: jobDefinition });

/** Jobs for the user's own code: inject it to do what the API does, without a request. The audit names `code` as the author.
 *  Errors are a `Problem` with a stable `code`.
 *  See API.md#create-a-job. */
@Injectable()
export class Jobs {
  constructor(
    private readonly jobs: JobsService,
    private readonly definitions: JobDefinitionsService,
    private readonly replicas: Replicas,
  ) {}

  /** Queues one extra run and returns it as `pending`; the schedule stays as it is. `input` replaces the job's input for this run.
   *  Throws JOB_NOT_FOUND, JOB_BUSY, INVALID_INPUT, UNKNOWN_TASK. */
  run(name: string, input?: object): Promise<RunView> {
    return this.jobs.runNow(name, this.actor(), input);
  }

  /** Creates the job or replaces its definition, as PUT does. The job gets the source `api`. Throws INVALID_BODY, UNKNOWN_TASK,
   *  INVALID_INPUT, UNKNOWN_CHANNEL, TRIGGER_IN_PAST, JOB_MANAGED_ELSEWHERE. */
  async upsert(name: string, definition: JobDefinitionInput): Promise<JobView> {
    const { data, error } = namedJob.safeParse({ name, definition });
    if (error) throw invalidBody(faultsOf(error.issues));
    const { job } = await this.definitions.put(name, this.actor(), data.definition, {});
    return job;
  }

  /** Stops further occurrences; running attempts continue, and manual runs are allowed. The pause ends at `until`, or when somebody
   *  resumes the job. Throws JOB_NOT_FOUND, UNTIL_IN_PAST. */
  pause(name: string, { reason = null, until = null }: Partial<PauseTerms> = {}): Promise<JobView> {
    return this.jobs.pause(name, this.actor(), { reason, until });
  }

  /** Ends a pause. The occurrences that fell into the pause become one `skipped` row. Throws JOB_NOT_FOUND. */
  resume(name: string): Promise<JobView> {
    return this.jobs.resume(name, this.actor());
  }

  private actor(): Actor {
    return { name: 'code', role: null, origin: this.replicas.name };
  }
}

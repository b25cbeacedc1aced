import { Injectable } from '@nestjs/common';
import type { Actor } from '../../auth/actor.js';
import { faultsOf } from '../../core/schema-faults.js';
import { invalidBody } from '../../http/schema.pipe.js';
import { Replicas } from '../../replicas/replicas.js';
import type { RunView } from '../../runs/api/run.view.js';
import { JobDefinitions } from './job-definitions.service.js';
import { z } from 'zod';
import { jobDefinition, type JobDefinitionInput, jobName } from '../definition/job.schema.js';
import type { JobView } from '../definition/job.view.js';
import { JobsService } from './jobs.service.js';

const named = z.object({ name: jobName, definition: jobDefinition });

/** Jobs, for the user's own code: what the API does, without a request. The audit tells it as done by `code`. */
@Injectable()
export class Jobs {
  constructor(
    private readonly jobs: JobsService,
    private readonly definitions: JobDefinitions,
    private readonly replicas: Replicas,
  ) {}

  /** Queues one run beside the schedule; `input` takes the place of the job's. Throws JOB_NOT_FOUND, JOB_BUSY, INVALID_INPUT. */
  run(name: string, input?: object): Promise<RunView> {
    return this.jobs.runNow(name, this.actor(), input);
  }

  /** Makes the job of this name what is given, as PUT does; it belongs to the API then. Throws INVALID_BODY, UNKNOWN_TASK,
   *  INVALID_INPUT, TRIGGER_IN_PAST, JOB_MANAGED_ELSEWHERE. */
  async upsert(name: string, definition: JobDefinitionInput): Promise<JobView> {
    const { data, error } = named.safeParse({ name, definition });
    if (error) throw invalidBody(faultsOf(error.issues));
    const { job } = await this.definitions.put(name, this.actor(), data.definition, {});
    return job;
  }

  /** No occurrence runs from now on; manual runs are allowed. Throws JOB_NOT_FOUND. */
  pause(name: string): Promise<JobView> {
    return this.jobs.pause(name, this.actor());
  }

  /** The occurrences of the pause become one skipped row. Throws JOB_NOT_FOUND. */
  resume(name: string): Promise<JobView> {
    return this.jobs.resume(name, this.actor());
  }

  private actor(): Actor {
    return { name: 'code', role: null, origin: this.replicas.name };
  }
}

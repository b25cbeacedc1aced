import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Channels } from '../../channels/channels.js';
import { Problem } from '../../core/problem.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import { jobDefinition, type JobDefinition, jobName } from '../definition/job.schema.js';

const namedJob = z.object({ name: jobName, definition: jobDefinition });

/** The jobs that `@Task` classes declare. */
@Injectable()
export class CodeJobs {
  constructor(
    private readonly tasks: TaskRegistry,
    private readonly channels: Channels,
  ) {}

  /** The jobs by name. Throws CODE_JOB_INVALID, with the task and its class, for an invalid declaration and for a name that is
   *  declared twice. */
  async read(): Promise<Map<string, JobDefinition>> {
    const jobs = new Map<string, JobDefinition>();
    const places = new Map<string, string>();
    for (const { options, place } of this.tasks.all())
      for (const [name, declared] of Object.entries(options.jobs ?? {})) {
        const where = `Job "${name}" of task "${options.name}" (${place})`;
        if (jobs.has(name)) throw invalid(`${where} has the same name as ${places.get(name)}; names must differ`);
        jobs.set(name, await this.check(where, name, { ...declared, task: options.name }));
        places.set(name, where);
      }
    return jobs;
  }

  private async check(where: string, name: string, declared: unknown): Promise<JobDefinition> {
    const result = namedJob.safeParse({ name, definition: declared });
    if (!result.success) throw invalid(`${where} is not valid: ${z.prettifyError(result.error)}`);
    const { definition } = result.data;
    try {
      await this.tasks.validate(definition.task, definition.input);
      this.channels.check(definition);
    } catch (error) {
      throw invalid(`${where} is not valid: ${(error as Error).message}`);
    }
    return definition;
  }
}

const invalid = (message: string) => new Problem(500, 'CODE_JOB_INVALID', message);

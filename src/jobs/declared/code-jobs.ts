import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '../../core/problem.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import { jobDefinition, type JobDefinition, jobName } from '../definition/job.schema.js';

/** The jobs that are declared on task classes. */
@Injectable()
export class CodeJobs {
  constructor(private readonly tasks: TaskRegistry) {}

  /** Throws for a declaration that is wrong, and for two of one name; the message names task and class. */
  async read(): Promise<Map<string, JobDefinition>> {
    const jobs = new Map<string, JobDefinition>();
    const places = new Map<string, string>();
    for (const { options, place } of this.tasks.all())
      for (const [name, declared] of Object.entries(options.jobs ?? {})) {
        const where = `Job "${name}" of task "${options.name}" (${place})`;
        if (jobs.has(name)) throw fault(`${where} has the name of another: ${places.get(name)}; names must differ`);
        jobs.set(name, await this.check(where, name, { ...declared, task: options.name }));
        places.set(name, where);
      }
    return jobs;
  }

  private async check(where: string, name: string, declared: unknown): Promise<JobDefinition> {
    const result = z.object({ name: jobName, definition: jobDefinition }).safeParse({ name, definition: declared });
    if (!result.success) throw fault(`${where} is wrong: ${z.prettifyError(result.error)}`);
    const { definition } = result.data;
    await this.tasks.validate(definition.task, definition.input).catch((error: Error) => {
      throw fault(`${where} is wrong: ${error.message}`);
    });
    return definition;
  }
}

const fault = (message: string) => new Problem(500, 'CODE_JOB_INVALID', message);

import { readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '../core/problem.js';
import { TaskRegistry } from '../tasks/task.registry.js';
import { InvalidTaskInputError, UnknownTaskError } from '../tasks/task-errors.js';
import { jobDefinition, type JobDefinition, jobName } from './job.schema.js';
import { type FileFault, parseYaml, type ParsedYaml } from './yaml.js';

const jobsFile = z.strictObject({
  jobs: z.record(jobName, jobDefinition, { error: 'Must be a map of jobs by name; write "jobs: {}" to say none' }),
});

/** Reads a jobs file: YAML, or JSON as a part of it. */
@Injectable()
export class JobsFile {
  constructor(private readonly tasks: TaskRegistry) {}

  /** All jobs of the file, or a Problem that names each fault with its line. */
  async read(path: string): Promise<Map<string, JobDefinition>> {
    const text = await readFile(path, 'utf8').catch((error: Error) => {
      throw new Problem(500, 'JOBS_FILE_UNREADABLE', `JOBS_FILE cannot be read: ${error.message}`);
    });
    const parsed = parseYaml(text);
    const { jobs, faults } = parsed.faults.length > 0 ? { jobs: {}, faults: parsed.faults } : await this.check(parsed);
    if (faults.length > 0) throw new JobsFileError(path, faults);
    return new Map(Object.entries(jobs));
  }

  private async check(parsed: ParsedYaml): Promise<{ jobs: Record<string, JobDefinition>; faults: FileFault[] }> {
    const result = jobsFile.safeParse(parsed.value, { error: withHint });
    if (!result.success)
      return {
        jobs: {},
        faults: result.error.issues.flatMap((issue) => {
          const keys = issue.code === 'unrecognized_keys' ? issue.keys : [null];
          return keys.map((key) => parsed.at(key === null ? issue.path : [...issue.path, key], issue.message));
        }),
      };
    const faults: FileFault[] = [];
    for (const [name, { task, input }] of Object.entries(result.data.jobs))
      await this.tasks.validate(task, input).catch((error: unknown) => {
        if (!(error instanceof UnknownTaskError || error instanceof InvalidTaskInputError)) throw error;
        for (const { path, message } of error.errors ?? [])
          faults.push(parsed.at(['jobs', name, ...path.split('/').slice(1)], message));
      });
    return { jobs: result.data.jobs, faults };
  }
}

export class JobsFileError extends Problem {
  constructor(path: string, faults: FileFault[]) {
    const lines = faults.map(
      ({ line, pointer, message }) => `  line ${line}: ${pointer ? `${pointer}: ` : ''}${message}`,
    );
    super(422, 'JOBS_FILE_INVALID', `${path} has faults, so nothing of it was taken:\n${lines.join('\n')}`);
  }
}

/** What zod's own words do not say. */
const withHint: z.core.$ZodErrorMap = (issue) => {
  if (issue.path?.length === 0 && issue.code === 'invalid_type')
    return 'Must begin with "jobs:"; write "jobs: {}" to say that there are none';
  if (issue.code === 'unrecognized_keys') return 'Unknown field';
  return undefined;
};

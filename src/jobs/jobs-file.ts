import { readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '../core/problem.js';
import { type FileFault, parseYaml, type ParsedYaml } from '../core/yaml.js';
import { unstorable } from '../http/storable.js';
import { TaskRegistry } from '../tasks/task.registry.js';
import { InvalidTaskInputError, UnknownTaskError } from '../tasks/task-errors.js';
import { jobDefinition, type JobDefinition, jobName } from './job.schema.js';

const frame = z.strictObject(
  { jobs: z.record(z.string(), z.unknown(), { error: 'Must be a map of jobs by name; write "jobs: {}" to say none' }) },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'Must begin with "jobs:"; write "jobs: {}" to say that there are none' : undefined,
  },
);
const entry = z.object({ name: jobName, definition: jobDefinition });

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
    const jobs = new Map<string, JobDefinition>();
    const faults = parsed.faults.length > 0 ? parsed.faults : await this.check(parsed, jobs);
    if (faults.length > 0) throw new JobsFileError(path, faults);
    return jobs;
  }

  /** Puts what is right into `jobs`, and answers what is wrong. */
  private async check(parsed: ParsedYaml, jobs: Map<string, JobDefinition>): Promise<FileFault[]> {
    const bad = unstorable(parsed.value);
    if (bad) return [parsed.at(keysOf(bad.path), bad.message)];
    const { data, error } = frame.safeParse(parsed.value, { error: withHint });
    if (error) return error.issues.flatMap((issue) => faultsAt(parsed, [], issue));
    const faults: FileFault[] = [];
    for (const [name, written] of Object.entries(data.jobs)) {
      const result = entry.safeParse({ name, definition: written }, { error: withHint });
      if (result.success) {
        jobs.set(name, result.data.definition);
        faults.push(...(await this.checkInput(parsed, name, result.data.definition)));
      } else {
        // The first key of an entry says which part of it.
        for (const { path, ...issue } of result.error.issues)
          faults.push(...faultsAt(parsed, ['jobs', name], { ...issue, path: path.slice(1) }));
      }
    }
    return faults;
  }

  private async checkInput(parsed: ParsedYaml, name: string, { task, input }: JobDefinition): Promise<FileFault[]> {
    try {
      await this.tasks.validate(task, input);
      return [];
    } catch (error) {
      if (!(error instanceof UnknownTaskError || error instanceof InvalidTaskInputError)) throw error;
      return (error.errors ?? []).map(({ path, message }) => parsed.at(['jobs', name, ...keysOf(path)], message));
    }
  }
}

/** Each unknown field on its own line. */
function faultsAt(parsed: ParsedYaml, base: PropertyKey[], issue: z.core.$ZodIssue): FileFault[] {
  const path = [...base, ...issue.path];
  const places = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
  return places.map((place) => parsed.at(place, issue.message));
}

const keysOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));

export class JobsFileError extends Problem {
  constructor(path: string, faults: FileFault[]) {
    const lines = faults.map(
      ({ line, pointer, message }) => `  line ${line}: ${pointer ? `${pointer}: ` : ''}${message}`,
    );
    super(422, 'JOBS_FILE_INVALID', `${path} has faults, so nothing of it was taken:\n${lines.join('\n')}`);
  }
}

/** What zod's own words do not say. */
const withHint: z.core.$ZodErrorMap = ({ code }) => (code === 'unrecognized_keys' ? 'Unknown field' : undefined);

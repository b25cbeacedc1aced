import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ApiDatabase } from '../../database/api-database.js';
import { unstorable } from '../../core/storable-json.js';
import { publishedTasks } from '../../tasks/published-tasks.js';
import { InvalidTaskInputError, UnknownTaskError } from '../../tasks/task-errors.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import type { TaskView } from '../../tasks/task.view.js';
import { jobDefinition, type JobDefinition, jobName } from '../definition/job.schema.js';
import { JobsFileError, type JobsFileFault } from './jobs-file-error.js';
import { parseYamlInThread } from '../../core/yaml/parse-yaml.js';
import type { JobsText } from './read-jobs-texts.js';

const frame = z.strictObject(
  { jobs: z.record(z.string(), z.unknown(), { error: 'Must be a map of jobs by name; write "jobs: {}" to say none' }) },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'Must begin with "jobs:"; write "jobs: {}" to say that there are none' : undefined,
  },
);
const entry = z.object({ name: jobName, definition: jobDefinition });

type Fault = Pick<JobsFileFault, 'path' | 'message'>;
type Published = () => Promise<TaskView[]>;
interface Found {
  names: Set<string>;
  faults: Fault[];
}

/** Reads what jobs files say: YAML, or JSON as a part of it. */
@Injectable()
export class JobsFile {
  constructor(
    private readonly tasks: TaskRegistry,
    private readonly database: ApiDatabase,
  ) {}

  /** All jobs of the texts, or a JobsFileError that names each fault; `title` is what the texts are together. */
  async check(title: string, texts: JobsText[]): Promise<Map<string, JobDefinition>> {
    const values = await Promise.all(texts.map(({ text }) => parseYamlInThread(text)));
    const broken = values.flatMap(({ faults }, index) =>
      faults.map((fault) => ({ ...fault, file: texts[index]!.name, path: [] })),
    );
    if (broken.length > 0) throw new JobsFileError(400, title, broken);

    const jobs = new Map<string, JobDefinition>();
    const published = this.publishedOnce();
    const found = await Promise.all(values.map(({ value }) => this.checkOne(value, jobs, published)));
    for (const [index, { names }] of found.entries())
      for (const name of names) {
        const others = texts.filter((_text, other) => other !== index && found[other]!.names.has(name));
        for (const other of others) found[index]!.faults.push(twin(name, other.name));
      }
    const faults = await Promise.all(texts.map((text, index) => placed(text, found[index]!.faults)));
    if (faults.flat().length > 0) throw new JobsFileError(422, title, faults.flat());
    return jobs;
  }

  /** Puts what is right into `jobs`, and answers the names that are there and what is wrong. */
  private async checkOne(value: unknown, jobs: Map<string, JobDefinition>, published: Published): Promise<Found> {
    const bad = unstorable(value);
    if (bad) return { names: new Set(), faults: [{ path: keysOf(bad.path), message: bad.message }] };
    const { data, error } = frame.safeParse(value, { error: withHint });
    if (error) return { names: new Set(), faults: error.issues.flatMap((issue) => faultsAt([], issue)) };
    const faults: Fault[] = [];
    for (const [name, written] of Object.entries(data.jobs)) {
      // Many jobs take long, and other things wait.
      await nextTurn();
      const result = entry.safeParse({ name, definition: written }, { error: withHint });
      if (result.success) {
        jobs.set(name, result.data.definition);
        faults.push(...(await this.checkInput(name, result.data.definition, published)));
      } else {
        // The first key of an entry says which part of it.
        for (const { path, ...issue } of result.error.issues)
          faults.push(...faultsAt(['jobs', name], { ...issue, path: path.slice(1) }));
      }
    }
    return { names: new Set(Object.keys(data.jobs)), faults };
  }

  private async checkInput(name: string, { task, input }: JobDefinition, published: Published): Promise<Fault[]> {
    try {
      await this.tasks.validate(task, input, published);
      return [];
    } catch (error) {
      if (!(error instanceof UnknownTaskError || error instanceof InvalidTaskInputError)) throw error;
      return (error.errors ?? []).map(({ path, message }) => ({ path: ['jobs', name, ...keysOf(path)], message }));
    }
  }

  /** Read once, however many jobs need it, and not where none does. */
  private publishedOnce(): Published {
    let tasks: Promise<TaskView[]> | undefined;
    return () => (tasks ??= this.database.transaction(publishedTasks));
  }
}

const twin = (name: string, file: string): Fault => ({
  path: ['jobs', name],
  message: `A job of this name is in ${file} too; names must differ`,
});

/** With the line of each. */
async function placed({ name, text }: JobsText, faults: Fault[]): Promise<JobsFileFault[]> {
  if (faults.length === 0) return [];
  const { lines } = await parseYamlInThread(
    text,
    faults.map(({ path }) => path),
  );
  return faults.map((fault, index) => ({ ...fault, file: name, line: lines[index]! }));
}

/** Each unknown field on its own line. */
function faultsAt(base: PropertyKey[], issue: z.core.$ZodIssue): Fault[] {
  const path = [...base, ...issue.path];
  const places = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
  return places.map((place) => ({ path: place, message: issue.message }));
}

const keysOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));

/** What zod's own words do not say. */
const withHint: z.core.$ZodErrorMap = ({ code }) => (code === 'unrecognized_keys' ? 'Unknown field' : undefined);

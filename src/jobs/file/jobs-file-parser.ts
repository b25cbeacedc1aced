import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { UnknownChannelError } from '../../channels/channel-errors.js';
import { Channels } from '../../channels/channels.js';
import { jsonPointer } from '../../core/json-pointer.js';
import { type Fault, Problem } from '../../core/problem.js';
import { unstorable } from '../../core/storable-json.js';
import { parseTextInProcess } from '../../core/yaml/yaml-in-process.js';
import { ApiDatabase } from '../../database/api-database.js';
import { publishedTasks } from '../../tasks/published-tasks.js';
import { InvalidTaskInputError, UnknownTaskError } from '../../tasks/task-errors.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import type { TaskView } from '../../tasks/task.view.js';
import { jobDefinition, jobName, type WrittenDefinition } from '../definition/job.schema.js';

/** The text of a jobs file, or of one file in a folder of them. */
export interface JobsText {
  /** The name of the file in its folder; empty if there is only one text. */
  name: string;
  text: string;
  /** True: the text must be JSON. */
  isJson?: boolean;
}

/** Jobs in one text. */
export const MAX_JOBS = 20_000;
const JOBS = { map: 'jobs', max: MAX_JOBS };

interface JobsFileFault {
  /** The name of the file in its folder; empty if there is only one text. */
  file: string;
  /** From 1. */
  line: number;
  /** Empty: the whole file. */
  path: PropertyKey[];
  message: string;
}

type Place = Pick<JobsFileFault, 'path' | 'message'>;
type PublishedTasks = () => Promise<TaskView[]>;
interface ParsedText {
  /** All names in the text, also those of invalid jobs. */
  names: Set<string>;
  faults: Place[];
}

const document = z.strictObject(
  { jobs: z.record(z.string(), z.unknown(), { error: 'Must be a map of jobs by name; write "jobs: {}" for no jobs' }) },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'Must begin with "jobs:"; write "jobs: {}" for no jobs' : undefined,
  },
);
// Whether a file says `paused` matters: without it, an import leaves the pause of a job as it is.
const paused = jobDefinition.shape.paused.unwrap().optional();
const entry = z.object({ name: jobName, definition: jobDefinition.extend({ paused }) });

/** Parses jobs files, which are YAML or JSON, and checks every job in them. */
@Injectable()
export class JobsFileParser {
  constructor(
    private readonly tasks: TaskRegistry,
    private readonly database: ApiDatabase,
    private readonly channels: Channels,
  ) {}

  /** The jobs of all texts, by name. Throws MALFORMED_JSON, and a JobsFileError that lists every fault; `title` is what it calls the
   *  texts. */
  async parse(title: string, texts: JobsText[]): Promise<Map<string, WrittenDefinition>> {
    const values = await Promise.all(
      texts.map(({ text, isJson }) => parseTextInProcess({ text, isJson, entries: JOBS })),
    );
    for (const { notJson } of values)
      if (notJson !== undefined) throw new Problem(400, 'MALFORMED_JSON', `${title} is not JSON: ${notJson}.`);
    const unparsable = values.flatMap(({ faults }, index) =>
      faults.map((fault) => ({ ...fault, file: texts[index]!.name, path: [] })),
    );
    if (unparsable.length > 0) throw new JobsFileError(400, title, unparsable);

    const jobs = new Map<string, WrittenDefinition>();
    const published = this.publishedOnce();
    const parsed = await Promise.all(values.map(({ value }) => this.checkText(value, jobs, published)));
    for (const [index, { names, faults }] of parsed.entries())
      for (const name of names)
        for (const [other, { name: file }] of texts.entries())
          if (other !== index && parsed[other]!.names.has(name)) faults.push(duplicate(name, file));
    const faults = await Promise.all(texts.map((text, index) => withLines(text, parsed[index]!.faults)));
    if (faults.flat().length > 0) throw new JobsFileError(422, title, faults.flat());
    return jobs;
  }

  /** Adds the valid jobs of one text to `jobs`. */
  private async checkText(
    value: unknown,
    jobs: Map<string, WrittenDefinition>,
    published: PublishedTasks,
  ): Promise<ParsedText> {
    // The jobs follow one by one, since each takes time.
    const bad = isMap(value) ? unstorable(Object.fromEntries(Object.keys(value).map((key) => [key, null]))) : undefined;
    if (bad) return { names: new Set(), faults: [placeOf(bad)] };
    const { data, error } = document.safeParse(value, { error: unknownField });
    if (error) return { names: new Set(), faults: error.issues.flatMap((issue) => faultsAt([], issue)) };
    const faults: Place[] = [];
    for (const [name, written] of Object.entries(data.jobs)) {
      // Thousands of jobs take long, and requests must not wait for them.
      await nextTurn();
      const unfit = unstorable({ [name]: written }, ['jobs']);
      if (unfit) {
        faults.push(placeOf(unfit));
        continue;
      }
      const result = entry.safeParse({ name, definition: written }, { error: unknownField });
      if (result.success) {
        jobs.set(name, result.data.definition);
        faults.push(...(await this.checkInput(name, result.data.definition, published)));
        faults.push(...this.checkChannels(name, result.data.definition));
      } else {
        // The path begins with `name` or `definition`, which the file does not have.
        for (const { path, ...issue } of result.error.issues)
          faults.push(...faultsAt(['jobs', name], { ...issue, path: path.slice(1) }));
      }
    }
    return { names: new Set(Object.keys(data.jobs)), faults };
  }

  private async checkInput(
    name: string,
    { task, input }: WrittenDefinition,
    published: PublishedTasks,
  ): Promise<Place[]> {
    try {
      await this.tasks.validate(task, input, published);
      return [];
    } catch (error) {
      if (!(error instanceof UnknownTaskError || error instanceof InvalidTaskInputError)) throw error;
      return (error.errors ?? []).map(({ path, message }) => ({ path: ['jobs', name, ...keysOf(path)], message }));
    }
  }

  private checkChannels(name: string, definition: WrittenDefinition): Place[] {
    try {
      this.channels.check(definition);
      return [];
    } catch (error) {
      if (!(error instanceof UnknownChannelError)) throw error;
      return (error.errors ?? []).map(({ path, message }) => ({ path: ['jobs', name, ...keysOf(path)], message }));
    }
  }

  /** Reads the tasks of other processes when a job first needs them, and only once. */
  private publishedOnce(): PublishedTasks {
    let tasks: Promise<TaskView[]> | undefined;
    return () => (tasks ??= this.database.transaction(publishedTasks));
  }
}

const MAX_FAULTS = 100;

/** Lists the faults of a jobs file with their lines: the first hundred, and the number of the others. */
export class JobsFileError extends Problem {
  /** 400: the text cannot be parsed. 422: it can, but it is not a valid jobs file. */
  constructor(status: 400 | 422, title: string, faults: JobsFileFault[]) {
    const listed = faults.slice(0, MAX_FAULTS);
    const rest = faults.length - listed.length;
    const lines = [...listed.map(lineOf), ...(rest > 0 ? [`and ${rest} more`] : [])];
    const text = lines.map((line) => `  ${line}`).join('\n');
    super(status, 'JOBS_FILE_INVALID', `${title} has errors, so none of it was applied:\n${text}`, listed.map(asFault));
  }
}

const lineOf = ({ file, line, path, message }: JobsFileFault): string =>
  [`${file} line ${line}`.trimStart(), path.map(String).join('.'), message].filter((part) => part !== '').join(': ');

const asFault = ({ line, path, message }: JobsFileFault): Fault => ({ path: jsonPointer(path), message, line });

const duplicate = (name: string, file: string): Place => ({
  path: ['jobs', name],
  message: `A job of this name is in ${file} too; names must differ`,
});

/** Only the first faults get their lines, as the others are not listed. */
async function withLines({ name, text }: JobsText, faults: Place[]): Promise<JobsFileFault[]> {
  if (faults.length === 0) return [];
  const { lines } = await parseTextInProcess({
    text,
    entries: { ...JOBS, paths: faults.slice(0, MAX_FAULTS).map(({ path }) => path) },
  });
  return faults.map((fault, index) => ({ ...fault, file: name, line: lines[index] ?? 1 }));
}

/** One fault for each unknown field, since each has its own line. */
function faultsAt(base: PropertyKey[], issue: z.core.$ZodIssue): Place[] {
  const path = [...base, ...issue.path];
  const places = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
  return places.map((place) => ({ path: place, message: issue.message }));
}

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

const placeOf = ({ path, message }: Fault): Place => ({ path: keysOf(path), message });

const keysOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Replaces the message of zod, which lists the fields without their lines. */
const unknownField: z.core.$ZodErrorMap = ({ code }) => (code === 'unrecognized_keys' ? 'Unknown field' : undefined);

import type { z } from 'zod';
import { Problem } from '../core/problem.js';
import { unstorable } from '../core/storable-json.js';
import { parseYamlDocuments, type YamlDocument } from '../core/yaml/parse-yaml.js';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';

export interface ImportedJob {
  /** Where the job is in the source file, such as "line 3". */
  place: string;
  /** The name in the source file; `checkJobs` makes it valid and unique. */
  name: string;
  definition: JobDefinitionInput;
  /** How the job differs from the original. */
  changes: string[];
  /** Why the job cannot run yet. Such a job is printed as a comment, for a person to complete. */
  todo?: string | undefined;
  /** The job is switched off in the source file. It is printed as a comment. */
  disabled?: boolean;
}

/** A definition that the service would refuse. It is printed as a comment. */
export interface NotImported {
  place: string;
  reason: string;
  /** The definition as the source file has it. Left out when `job` says more. */
  original?: string;
  /** The job, when only a part of it is wrong. */
  job?: Pick<ImportedJob, 'name' | 'definition'>;
  disabled?: boolean;
}

/** What an importer read from a file. Everything in the file is a job, is listed in `notImported`, or has a note. */
export interface ImportResult {
  jobs: ImportedJob[];
  notImported: NotImported[];
  /** Notes on the file as a whole. */
  notes: string[];
}

export interface ImportOptions {
  /** The path of the file, or - for standard input. */
  source: string;
  /** For jobs that name no time zone. Left out, the DEFAULT_TIME_ZONE of the service applies. */
  timeZone?: string | undefined;
  /** Crontab: each line names a user before its command. Left out, the importer finds out. */
  userColumn?: boolean | undefined;
  /** APScheduler: URL of the HTTP API of the old service, which then runs the Python functions. */
  schedulerApi?: string | undefined;
}

/** Thrown with the reason why something cannot be imported. */
export class NotImportableError extends Error {}

/** The whole file cannot be read. */
export const unreadable = (message: string): Problem => new Problem(422, 'IMPORT_UNREADABLE', message);

/** The YAML or JSON documents of a file. Throws IMPORT_UNREADABLE with the line of the first fault. */
export function documentsIn(text: string, schema?: 'json'): YamlDocument[] {
  const documents = parseYamlDocuments(text, schema);
  const [fault] = documents.flatMap(({ faults }) => faults);
  if (fault) throw unreadable(`line ${fault.line}: ${fault.message}`);
  return documents;
}

/** The result of `convert`, or the reason when it throws a NotImportableError. */
export function attempt<T>(convert: () => T): { value: T; reason?: undefined } | { value?: undefined; reason: string } {
  try {
    return { value: convert() };
  } catch (error) {
    if (!(error instanceof NotImportableError)) throw error;
    return { reason: error.message };
  }
}

/** Adds the job that `convert` returns, or lists the definition as not imported. */
export function addJob(
  result: ImportResult,
  written: Pick<NotImported, 'place' | 'original' | 'disabled'>,
  convert: () => ImportedJob,
): void {
  const { value: job, reason } = attempt(convert);
  if (job) result.jobs.push(job);
  else result.notImported.push({ ...written, reason });
}

const SECONDS_OF_UNIT: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** The seconds of a duration of Go, such as 1h30m. */
export function secondsOfDuration(duration: string): number {
  const parts = [...duration.trim().matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== duration.trim())
    throw new NotImportableError(`@every ${duration} is not a duration such as 1h30m`);
  const seconds = parts.reduce((sum, [, number, unit]) => sum + Number(number) * SECONDS_OF_UNIT[unit!]!, 0);
  return Math.round(seconds * 1000) / 1000;
}

/** Adds a note when a cron job has no time zone; `what` names these jobs. */
export function noteMissingTimeZone({ jobs, notes }: ImportResult, what: string): void {
  if (jobs.some(({ definition: { trigger } }) => trigger.type === 'cron' && !trigger.timeZone))
    notes.push(missingTimeZone(what));
}

export const missingTimeZone = (what: string): string =>
  `${what} use the time zone DEFAULT_TIME_ZONE of the service; set another one with --time-zone=Europe/Berlin`;

/** A fault with the path of its field; without a path, it is one of the whole definition. */
export const faultAt = (path: string, message: string): NotImportableError =>
  new NotImportableError(path === '' ? message : `${path}: ${message}`);

/** The value as `schema` parses it. Throws a NotImportableError with the path of the first issue, also for a number that JavaScript
 *  would change. `schema` is that of an object. */
export function parseWith<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const bad = unstorable(value);
  if (bad) throw faultAt(bad.path.slice(1), bad.message);
  const { data, error } = schema.safeParse(value);
  if (!error) return data;
  const { path, message } = error.issues[0]!;
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  throw faultAt(path.map(String).join('.'), isObject ? message : 'it is not an object');
}

/** A field for which null means the same as leaving it out. */
export const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

import { z } from 'zod';
import type { Json } from '../core/json.js';
import { Problem } from '../core/problem.js';
import { completeTrigger, openTrigger } from '../core/triggers/trigger.js';
import { unstorable } from '../core/storable-json.js';
import { jobDefinition, type JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { httpInput } from '../tasks/http-input.js';
import { type Found, NotImported, orLost } from './found.js';
import { JobNames } from './job-names.js';
import { secretsIn, withReferences } from './secret-marks.js';

export interface CheckedJob {
  place: string;
  name: string;
  definition: JobDefinitionInput;
  changes: string[];
  todo?: string;
}

export interface Checked extends Omit<Found, 'jobs'> {
  jobs: CheckedJob[];
}

/** Gives the jobs names and references to secrets, and moves what the service would refuse to what is lost. */
export function checkJobs(found: Found): Checked {
  const names = new JobNames();
  const checked: Checked = { ...found, jobs: [], lost: [...found.lost] };
  for (const job of found.jobs) {
    const definition = orLost(checked, job.place, () => checkDefinition(job.definition, job.todo !== undefined));
    if (!definition) continue;
    const name = names.take(job.name);
    const secrets = new Set(secretsIn(job.definition.input as Json));
    const changes = [
      ...(name === job.name ? [] : [`its name "${job.name}" is now "${name}"`]),
      ...job.changes,
      ...openSecrets(definition.input as Json),
      ...[...secrets].map((secret) => `it needs the secret "${secret}", a file of that name in SECRETS_DIR`),
    ];
    checked.jobs.push({ ...job, name, definition, changes });
  }
  return checked;
}

/** As it is printed. Throws for what a jobs file must not hold. */
function checkDefinition(written: JobDefinitionInput, isTodo: boolean): JobDefinitionInput {
  const input = withReferences(written.input ?? {}) as JobDefinitionInput['input'];
  const definition = { ...written, ...(written.input && { input }) };
  const bad = unstorable(definition);
  if (bad) throw new NotImported(`${bad.path.slice(1)}: ${bad.message}`);
  // The task of one that is to be completed has yet to be written.
  refuse(jobDefinition.safeParse(isTodo ? { ...definition, task: 'todo' } : definition).error?.issues ?? [], []);
  if (!isTodo) {
    const issues = httpInput.safeParse(input).error?.issues ?? [];
    refuse(
      issues.filter(({ path }) => !isAtReference(input as Json, path)),
      ['input'],
    );
  }
  try {
    openTrigger(completeTrigger(definition.trigger, { timeZone: 'UTC', createdAt: new Date(0) }), '').next(new Date(0));
  } catch (error) {
    throw error instanceof Problem ? new NotImported(error.message) : error;
  }
  return ordered(definition);
}

/** The fields in the order in which the schema has them. */
const ordered = (definition: JobDefinitionInput): JobDefinitionInput => {
  const fields = Object.keys(jobDefinition.shape).filter((field) => Object.hasOwn(definition, field));
  return Object.fromEntries(
    fields.map((field) => [field, definition[field as keyof JobDefinitionInput]]),
  ) as JobDefinitionInput;
};

/** Headers whose values are better kept elsewhere. */
function openSecrets(input: Json): string[] {
  const { headers = {} } = (input ?? {}) as { headers?: Record<string, Json> };
  return Object.entries(headers)
    .filter(([name, value]) => /authorization|cookie|token|secret|api-?key/i.test(name) && typeof value === 'string')
    .map(([name]) => `whoever sees the job reads its header ${name}; a reference to a secret hides it`);
}

function refuse([issue]: z.core.$ZodIssue[], base: PropertyKey[]): void {
  if (issue) throw new NotImported(`${[...base, ...issue.path].map(String).join('.')}: ${issue.message}`);
}

/** Whether the path leads to a reference to a secret or into one, whose value nobody knows yet. */
function isAtReference(value: Json, path: PropertyKey[]): boolean {
  if (value === null || typeof value !== 'object') return false;
  if ('$secret' in value) return true;
  const [key, ...rest] = path;
  return key !== undefined && isAtReference((value as Record<string, Json>)[String(key)] ?? null, rest);
}

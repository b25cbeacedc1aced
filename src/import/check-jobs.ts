import type { z } from 'zod';
import type { Json } from '../core/json.js';
import { Problem } from '../core/problem.js';
import { unstorable } from '../core/storable-json.js';
import { BY_CRON_RULE } from '../core/triggers/clock-change.js';
import { completeTrigger, openTrigger } from '../core/triggers/trigger.js';
import { jobDefinition, type JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { httpInput } from '../tasks/http-input.js';
import { issuesOutsideReferences, referencesIn } from '../tasks/secret-reference.js';
import { attempt, faultAt, type ImportResult, NotImportableError } from './import-result.js';
import { JobNames } from './job-names.js';
import { secretsIn, withReferences } from './secret-placeholders.js';

/** Gives each job a valid and unique name and references to its secrets. Lists a job that the service would refuse as not
 *  imported. */
export function checkJobs(imported: ImportResult): ImportResult {
  const names = new JobNames();
  const checked: ImportResult = { ...imported, jobs: [], notImported: [...imported.notImported] };
  for (const job of imported.jobs) {
    const { place } = job;
    const { value: definition, reason } = attempt(() => checkDefinition(job.definition, job.todo !== undefined));
    const name = names.take(job.name);
    if (!definition) {
      const { disabled = false } = job;
      checked.notImported.push({
        place,
        reason,
        job: { name, definition: job.definition },
        ...(disabled && { disabled }),
      });
      continue;
    }
    const secrets = new Set(secretsIn(job.definition.input as Json));
    const changes = [
      ...(name === job.name ? [] : [`its name "${job.name}" is now "${name}"`]),
      ...job.changes,
      ...readableSecrets(definition.input as Json),
      ...[...secrets].map((secret) => `it needs the secret "${secret}", a file of that name in SECRETS_DIR`),
    ];
    checked.jobs.push({ ...job, name, definition, changes });
  }
  return checked;
}

/** The definition as it is printed. Throws a NotImportableError for what a jobs file must not contain. */
function checkDefinition(written: JobDefinitionInput, isTodo: boolean): JobDefinitionInput {
  const input = withReferences(written.input ?? {}) as JobDefinitionInput['input'];
  const definition = { ...written, ...(written.input && { input }) };
  const bad = unstorable(definition);
  if (bad) throw faultAt(bad.path.slice(1), bad.message);
  // The task of a job that is to be completed does not exist yet, and its name may not be valid.
  refuse(jobDefinition.safeParse(isTodo ? { ...definition, task: 'todo' } : definition).error?.issues ?? [], []);
  if (!isTodo) {
    const issues = httpInput.safeParse(input).error?.issues ?? [];
    refuse(issuesOutsideReferences(issues, referencesIn(input)), ['input']);
  }
  try {
    const trigger = completeTrigger(definition.trigger, { timeZone: 'UTC', createdAt: new Date(0) });
    openTrigger({ trigger, clockChange: BY_CRON_RULE }, '').next(new Date(0));
  } catch (error) {
    throw error instanceof Problem ? new NotImportableError(error.message) : error;
  }
  return ordered(definition);
}

/** With the fields in the order of the schema. */
const ordered = (definition: JobDefinitionInput): JobDefinitionInput => {
  const fields = Object.keys(jobDefinition.shape).filter((field) => Object.hasOwn(definition, field));
  return Object.fromEntries(
    fields.map((field) => [field, definition[field as keyof JobDefinitionInput]]),
  ) as JobDefinitionInput;
};

/** Changes to report for headers that probably hold a secret as plain text. */
function readableSecrets(input: Json): string[] {
  const { headers = {} } = (input ?? {}) as { headers?: Record<string, Json> };
  return Object.entries(headers)
    .filter(([name, value]) => /authorization|cookie|token|secret|api-?key/i.test(name) && typeof value === 'string')
    .map(([name]) => `everyone who can read the job can read its header ${name}; a reference to a secret hides it`);
}

function refuse([issue]: Pick<z.core.$ZodIssue, 'path' | 'message'>[], base: PropertyKey[]): void {
  if (issue) throw faultAt([...base, ...issue.path].map(String).join('.'), issue.message);
}

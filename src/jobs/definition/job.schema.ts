import { z } from 'zod';
import type { DocumentedObject } from '../../core/documented-schema.js';
import { clockChange } from '../../core/triggers/clock-change.js';
import { knownFields } from '../../core/triggers/input-fields.js';
import { triggerInput } from '../../core/triggers/trigger.js';
import { alertList } from './alert.schema.js';

export const jobName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9._-]{0,126}[a-z0-9])?$/,
    'A job name is 1-128 of a-z 0-9 . _ -, and starts and ends with a letter or digit',
  )
  .meta({ description: 'The name of the job; it never changes.', examples: ['billing.nightly'] });

const retryFields = {
  /** How many times a run that fails or times out is started again: 0 to 100. Default: 0. */
  limit: z.int().min(0).max(100).default(0).describe('How many times a run that fails or times out is started again'),
  /** Seconds before the first retry: 0 to 604800 (a week). Default: 5. */
  delaySeconds: z.number().min(0).max(604_800).default(5).describe('Seconds before the first retry'),
  /** `exponential` doubles the delay with each retry, `fixed` keeps it. Default: `exponential`. */
  backoff: z
    .enum(['fixed', 'exponential'])
    .default('exponential')
    .describe('exponential: delay × 2^(n-1) before the nth retry'),
  /** The upper limit of a growing delay, in seconds: 0 to 604800 (a week). Default: 3600. */
  maxDelaySeconds: z
    .number()
    .min(0)
    .max(604_800)
    .default(3600)
    .describe('The upper limit of the exponential delay, in seconds'),
};
const retry: DocumentedObject<typeof retryFields> = z
  .strictObject(retryFields, { error: knownFields(...Object.keys(retryFields)) })
  .describe('Retries of runs that fail or time out. Each delay varies by ± 20 %.');

const misfireFields = {
  /** For occurrences later than the grace period: run none (`skip`), the newest (`once`), or up to `maxCatchUp` (`all`).
   *  Default: `once`. */
  policy: z
    .enum(['skip', 'once', 'all'])
    .default('once')
    .describe('Which occurrences run that are later than the grace period: none, the newest, or up to maxCatchUp'),
  /** The grace period: an occurrence up to this many seconds late runs as usual. 0 to 31536000 (a year). Default: 60. */
  graceSeconds: z
    .number()
    .min(0)
    .max(31_536_000)
    .default(60)
    .describe('The grace period: an occurrence up to this many seconds late runs as usual'),
  /** The most occurrences of a backlog that run, within the grace period and again beyond it: 1 to 1000. Default: 100. */
  maxCatchUp: z.int().min(1).max(1000).default(100).describe('The most occurrences of a backlog that run'),
};
const misfire: DocumentedObject<typeof misfireFields> = z
  .strictObject(misfireFields, { error: knownFields(...Object.keys(misfireFields)) })
  .describe('What happens to occurrences that were due while nothing could run them.');

/** What a user writes of a job, except its name. This is the one list of its fields: the API, jobs files, `@Task`, the audit and
 *  the types are derived from it. Editors show the comment on a field, OpenAPI shows what `describe` says. */
const jobFields = {
  /** What the job does, for people: up to 4096 characters. Default: empty. */
  description: z.string().max(4096).default('').describe('What the job does, for people'),
  /** The name of a registered task: 1 to 128 characters. */
  task: z.string().min(1).max(128).describe('The name of a registered task; GET /tasks lists them'),
  /** The input of the task. It is checked with the task's schema when the job is saved, and again at each attempt.
   *  Any value in it may be a reference to a secret. Default: `{}`. See API.md#secrets. */
  input: z.record(z.string(), z.json()).default({}).describe("Checked with the task's schema"),
  /** When the job runs: a cron expression, an interval or a date. See API.md#trigger. */
  trigger: triggerInput,
  /** What happens to the times of a cron trigger that a clock change of its zone skips or repeats. Default: the rules of Debian
   *  cron(8). See API.md#clock-changes. */
  clockChange: clockChange.prefault({}),
  /** No occurrence of a paused job runs; manual runs are allowed. A job in code or in a jobs file that is paused or resumed over the
   *  API stays so until this field changes. Default: false. See API.md#pause-a-job-for-the-night. */
  paused: z.boolean().default(false).describe('No occurrence of a paused job runs; manual runs are allowed'),
  /** When slots are scarce, runs with a higher priority start first: -32768 to 32767. Default: 0. */
  priority: z
    .int()
    .min(-32_768)
    .max(32_767)
    .default(0)
    .describe('When slots are scarce, runs with a higher priority start first'),
  /** To find jobs by: up to 64 tags of 1 to 128 characters. Default: none. */
  tags: z.array(z.string().min(1).max(128)).max(64).default([]).describe('To find jobs by'),
  /** The time limit of each attempt, in seconds from its start: 0.1 to 604800 (a week). Default: 300. See
   *  API.md#timeout. */
  timeoutSeconds: z
    .number()
    .min(0.1)
    .max(604_800)
    .default(300)
    .describe('The time limit of each attempt, in seconds from its start'),
  /** Retries of runs that fail or time out. Each delay varies by ± 20 %. Default: no retries. */
  retry: retry.prefault({}),
  /** What happens to a run whose process died or was shut down: `rerun` starts it again, `fail` ends it as failed.
   *  Default: `rerun`. See API.md#interruption. */
  onInterruption: z
    .enum(['rerun', 'fail'])
    .default('rerun')
    .describe('What happens to a run whose process died or was shut down: it is started again, or it fails'),
  /** What happens to occurrences that were due while nothing could run them. Default: the newest one runs.
   *  See API.md#misfire. */
  misfire: misfire.prefault({}),
  /** What happens to an occurrence while another run of the job is unfinished: start it as well (`allow`), skip it (`skip`),
   *  hold it until the other run ends (`queue`), or cancel the other run (`replace`). Default: `skip`. See API.md#overlap. */
  overlap: z
    .enum(['allow', 'skip', 'queue', 'replace'])
    .default('skip')
    .describe('What happens to an occurrence while another run of the job is unfinished'),
  /** Who is notified, through which channels, when runs of the job fail, are late, missed or too long. An empty list switches alerts
   *  off. Default: null, the alerts that the channels file has for the tags of the job, or for all jobs. See docs/alerts.md. */
  alerts: alertList
    .nullable()
    .default(null)
    .describe(
      'When to notify whom. Null: the alerts of CHANNELS_FILE for its tags or for all jobs apply. An empty list: none',
    ),
};
export const jobDefinition: DocumentedObject<typeof jobFields> = z
  .strictObject(jobFields, { error: knownFields(...Object.keys(jobFields)) })
  .meta({ id: 'JobDefinition' });

/** What to run and when, as a user writes it: fields with a default are optional.
 *  See API.md#job. */
export type JobDefinitionInput = z.input<typeof jobDefinition>;
/** The same with every default filled in. */
export type JobDefinition = z.output<typeof jobDefinition>;

/** A definition whose `paused` may be left out. That leaves the pause of a stored job as it is. */
export type WrittenDefinition = Omit<JobDefinition, 'paused'> & { paused?: boolean | undefined };

/** The fields of a definition, in the order in which the API shows them. */
export const definitionFields = jobDefinition.keyof().options;

export const exampleDefinition = {
  task: 'http',
  input: { url: 'https://example.org/report', method: 'POST' },
  trigger: { type: 'cron', expression: '0 2 * * *', timeZone: 'Europe/Berlin' },
} as const;

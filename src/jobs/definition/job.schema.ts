import { z } from 'zod';
import { triggerInput } from '../../core/triggers/trigger.js';

export const jobName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9._-]{0,126}[a-z0-9])?$/,
    'A job name is 1-128 of a-z 0-9 . _ -, and starts and ends with a letter or digit',
  )
  .meta({ description: 'Never changes.', examples: ['billing.nightly'] });

const retry = z
  .strictObject({
    limit: z.int().min(0).max(100).default(0).describe('How often a run that fails or times out is started again'),
    delaySeconds: z.number().min(0).max(604_800).default(5),
    backoff: z.enum(['fixed', 'exponential']).default('exponential').describe('exponential: delay × 2^(n-1)'),
    maxDelaySeconds: z.number().min(0).max(604_800).default(3600),
  })
  .describe('Each delay varies by ± 20 %.');

const misfire = z
  .strictObject({
    policy: z
      .enum(['skip', 'once', 'all'])
      .default('once')
      .describe('What becomes of occurrences older than the grace'),
    graceSeconds: z.number().min(0).max(31_536_000).default(60).describe('So late an occurrence still runs as usual'),
    maxCatchUp: z.int().min(1).max(1000).default(100).describe('Of a backlog, at most so many run'),
  })
  .describe('What to do after an outage.');

/** What a user writes of a job, all but its name. */
export const jobDefinition = z
  .strictObject({
    description: z.string().max(4096).default(''),
    task: z.string().min(1).max(128).describe('The name of a registered task; GET /tasks lists them'),
    input: z.record(z.string(), z.json()).default({}).describe('Checked against the schema of the task'),
    trigger: triggerInput,
    paused: z.boolean().default(false),
    priority: z.int().min(-32_768).max(32_767).default(0).describe('Where slots are scarce, the higher goes first'),
    tags: z.array(z.string().min(1).max(128)).max(64).default([]),
    timeoutSeconds: z.number().min(0.1).max(604_800).default(300).describe('Per attempt, from its start'),
    retry: retry.prefault({}),
    onInterruption: z
      .enum(['rerun', 'fail'])
      .default('rerun')
      .describe('When the process died or was shut down under the run'),
    misfire: misfire.prefault({}),
    overlap: z
      .enum(['allow', 'skip', 'queue', 'replace'])
      .default('skip')
      .describe('While a run of the job is not finished'),
  })
  .meta({ id: 'JobDefinition' });

/** As written, and with every default filled in. */
export type JobDefinitionInput = z.input<typeof jobDefinition>;
export type JobDefinition = z.output<typeof jobDefinition>;

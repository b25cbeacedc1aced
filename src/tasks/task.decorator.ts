import { DiscoveryService } from '@nestjs/core';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { TriggerInput } from '../core/triggers/trigger.js';
import type { RunContext } from './run-context.js';
import type { WithSecrets } from './secret-reference.js';

/** Any schema that validates (Standard Schema) and converts to JSON Schema, such as one of zod. See
 *  docs/writing-tasks.md#the-class. */
export type InputSchema = {
  // oxlint-disable-next-line typescript/no-explicit-any -- the schema's own types are inferred from the argument
  readonly '~standard': StandardSchemaV1.Props<any, any> & StandardJSONSchemaV1.Props<any, any>;
};

/** The type of the input that `run` gets: the output type of the schema, or an empty object without a schema. */
export type InputOf<S> = S extends {
  readonly '~standard': { readonly types?: { readonly output: infer O } | undefined };
}
  ? O
  : Record<string, never>;

/** The type of the input in a job: the input type of the schema, or an empty object without a schema. */
export type WrittenInputOf<S> = S extends {
  readonly '~standard': { readonly types?: { readonly input: infer I } | undefined };
}
  ? I
  : Record<string, never>;

/** A task: an injectable class with the decorator `@Task`. `S` is the type of its input schema. See
 *  docs/writing-tasks.md#the-class. */
export interface TaskHandler<S = undefined> {
  /** Executes one attempt of a run. `input` has passed the schema, with its defaults. The returned value, or the value that
   *  the returned promise resolves to, is the output of the run: JSON of up to 64 KiB. An error that it throws fails the
   *  attempt. */
  run(input: InputOf<S>, context: RunContext): unknown;
}

/** A job that is declared with its task, so it has no field `task`. See API.md#job. */
export interface DeclaredJob<S> {
  /** When the job runs: the result of `cron`, `interval` or `date`. See API.md#trigger. */
  trigger: TriggerInput;
  /** The input of each run. References to secrets may replace values. Default: `{}`. */
  input?: WithSecrets<WrittenInputOf<S>>;
  /** Up to 4096 characters. Default: empty. */
  description?: string;
  /** Whether the job is paused when it is created, and whenever this field is changed. A pause or resume over the API stays
   *  otherwise. Default: false. */
  paused?: boolean;
  /** -32768 to 32767. When slots are scarce, runs of higher priority start first. Default: 0. */
  priority?: number;
  /** Up to 64 tags of 1 to 128 characters. Default: none. */
  tags?: string[];
  /** The limit of each attempt, in seconds from its start, 0.1 to 604,800. Default: 300. See API.md#timeout. */
  timeoutSeconds?: number;
  /** What happens when an attempt fails or times out. */
  retry?: {
    /** How many more attempts a run gets, 0 to 100. Default: 0. */
    limit?: number;
    /** Seconds before the first retry, 0 to 604,800; varies by ± 20 %. Default: 5. */
    delaySeconds?: number;
    /** `exponential` doubles the delay at each retry. Default: `exponential`. */
    backoff?: 'fixed' | 'exponential';
    /** The longest delay in seconds, 0 to 604,800. Default: 3600. */
    maxDelaySeconds?: number;
  };
  /** What happens to a run whose process died or was shut down: `rerun` starts it again, `fail` ends it as failed. Default:
   *  `rerun`. See API.md#interruption. */
  onInterruption?: 'rerun' | 'fail';
  /** What happens to occurrences that were missed, for example during an outage. See API.md#misfire. */
  misfire?: {
    /** For occurrences later than the grace period: `skip` runs none of them. `once` runs the latest, unless a newer one within
     *  the grace period runs anyway. `all` runs the latest `maxCatchUp`. Default: `once`. */
    policy?: 'skip' | 'once' | 'all';
    /** How many seconds late an occurrence still runs as usual, 0 to 31,536,000. Default: 60. */
    graceSeconds?: number;
    /** How many occurrences within the grace period run at most, and with `all` also how many later ones; 1 to 1000.
     *  Default: 100. */
    maxCatchUp?: number;
  };
  /** What happens to an occurrence while an earlier run of the job has not finished: `allow` runs both, `skip` skips the
   *  occurrence, `queue` holds one occurrence until the earlier run has finished, `replace` cancels the earlier run. Default: `skip`. See API.md#overlap. */
  overlap?: 'allow' | 'skip' | 'queue' | 'replace';
}

/** The argument of `@Task`. `S` is the type of the input schema. See API.md#tasks-in-code. */
export interface TaskOptions<S> {
  /** The name that jobs refer to, 1 to 128 characters. Unique in the application; a duplicate ends the start with an error. */
  name: string;
  /** Returned by `GET /tasks`. Default: empty. */
  description?: string;
  /** Whether each attempt runs in one database transaction, which commits together with the state `succeeded`.
   *  `context.transaction` then joins that transaction. Default: false. See docs/writing-tasks.md#the-database. */
  transactional?: boolean;
  /** The schema of the input, checked when a job is saved and again at each attempt. Left out, the task takes no input. */
  input?: S;
  /** Jobs that are declared with the task, by name. Default: none. */
  jobs?: Record<string, DeclaredJob<S>>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- one key for tasks of all schemas
export const TaskMetadata = DiscoveryService.createDecorator<TaskOptions<any>>();

/** Makes an `@Injectable()` class a task that jobs can run. The class must be a singleton, in the `providers` of one module.
 *  See docs/writing-tasks.md#the-class. */
export const Task =
  <S extends InputSchema | undefined = undefined>(options: TaskOptions<S>) =>
  // oxlint-disable-next-line typescript/no-explicit-any -- Nest injects the parameters of the constructor
  (target: abstract new (...args: any[]) => TaskHandler<S>): void =>
    TaskMetadata(options)(target as never);

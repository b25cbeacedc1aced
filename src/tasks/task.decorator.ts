import { DiscoveryService } from '@nestjs/core';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
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

/** A job that is declared with its task: a job definition without `task`. See API.md#job. */
export interface DeclaredJob<S> extends Omit<JobDefinitionInput, 'task' | 'input'> {
  /** The input of each run. References to secrets may replace values. Default: `{}`. See API.md#secrets. */
  input?: WithSecrets<WrittenInputOf<S>>;
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

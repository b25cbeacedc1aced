import { DiscoveryService } from '@nestjs/core';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import type { RunContext } from './run-context.js';
import type { WithSecrets } from './secret-reference.js';

/** Any schema that validates and can show itself as JSON Schema, such as zod's. */
export type InputSchema = {
  // oxlint-disable-next-line typescript/no-explicit-any -- the schema's own types are inferred from the argument
  readonly '~standard': StandardSchemaV1.Props<any, any> & StandardJSONSchemaV1.Props<any, any>;
};

/** What `run` is handed: the schema's output, or an empty object where there is no schema. */
export type InputOf<S> = S extends {
  readonly '~standard': { readonly types?: { readonly output: infer O } | undefined };
}
  ? O
  : Record<string, never>;

/** What a job of this task may be given: the schema's input. */
export type WrittenInputOf<S> = S extends {
  readonly '~standard': { readonly types?: { readonly input: infer I } | undefined };
}
  ? I
  : Record<string, never>;

export interface TaskHandler<S = undefined> {
  /** Its result, or what its promise resolves to, is the run's output: JSON up to 64 KiB. What it throws fails the attempt. */
  run(input: InputOf<S>, context: RunContext): unknown;
}

/** A job that is declared with its task: a job definition without `task`. See API.md#job. */
export interface DeclaredJob<S> extends Omit<JobDefinitionInput, 'task' | 'input'> {
  /** The input of each run. References to secrets may replace values. Default: `{}`. See API.md#secrets. */
  input?: WithSecrets<WrittenInputOf<S>>;
}

export interface TaskOptions<S> {
  /** Unique in the application; jobs refer to it. */
  name: string;
  description?: string;
  /** Its attempts run in one transaction each, which commits together with `succeeded`; `context.transaction` joins it. */
  transactional?: boolean;
  /** What jobs may hand to the task; checked when a job is saved and again at each attempt. */
  input?: S;
  /** Jobs that come with the task, by name. */
  jobs?: Record<string, DeclaredJob<S>>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- one key for tasks of all schemas
export const TaskMetadata = DiscoveryService.createDecorator<TaskOptions<any>>();

/** Makes an `@Injectable()` class a task that jobs can run. */
export const Task =
  <S extends InputSchema | undefined = undefined>(options: TaskOptions<S>) =>
  // oxlint-disable-next-line typescript/no-explicit-any -- a constructor's parameters are Nest's business
  (target: abstract new (...args: any[]) => TaskHandler<S>): void =>
    TaskMetadata(options)(target as never);

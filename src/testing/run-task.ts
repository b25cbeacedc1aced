import type { INestApplicationContext, ModuleMetadata, Provider, Type } from '@nestjs/common';
import { DiscoveryModule, NestFactory } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { ENVIRONMENT } from '../config/environment.js';
import { type Json, outputAsJson } from '../core/json.js';
import type { RunContext } from '../tasks/run-context.js';
import type { TaskHandler } from '../tasks/task.decorator.js';
import { TaskRegistry } from '../tasks/task.registry.js';
import { type LoggedLine, testContext } from './test-context.js';

/** What `runTask` gives the task in addition to its input: the dependencies of its constructor, and any field of its RunContext.
 *
 *  Fields of the context that are left out are those of a first attempt: `run` has a new id, the kind `schedule` and a key, `job.name` is
 *  `test`, `scheduledAt` is the current time, `attempt` is 1, and `signal` never aborts. See docs/writing-tasks.md#testing. */
export interface TaskTest extends Partial<RunContext> {
  /** Nest providers for the task's constructor, real or fake. Default: none. */
  providers?: Provider[];
  /** Nest modules for the task's constructor, such as `TypeOrmModule.forRoot(…)`. Default: none. */
  imports?: NonNullable<ModuleMetadata['imports']>;
}

/** The result of `runTask`. See docs/writing-tasks.md#testing. */
export interface TestedRun {
  /** The output that the run would store: the task's result as JSON. Null when the task returns nothing. */
  output: Json;
  /** All lines that the task wrote through `context.log`, in order. They are not masked and not limited in number. */
  logs: LoggedLine[];
}

/** Runs a task once, as a worker does. Nest creates the task, its schema validates the input and fills in defaults, and its result
 *  becomes JSON. No database is needed, and nothing is stored. There is no timeout and no retry.
 *
 *  `context.transaction` uses the DataSource in `imports`. When there is none, it rejects with TEST_WITHOUT_DATABASE.
 *
 *  Rejects with the error that the task throws, with INVALID_INPUT when the schema rejects the input, and with OUTPUT_NOT_STORABLE when
 *  the result is not JSON or larger than 64 KiB. Rejects with Nest's error when a dependency is missing. */
export async function runTask(
  // oxlint-disable-next-line typescript/no-explicit-any -- any schema
  task: Type<TaskHandler<any>>,
  input: object,
  { providers = [], imports = [], ...given }: TaskTest = {},
): Promise<TestedRun> {
  const environment = { provide: ENVIRONMENT, useValue: { TASKS_DISABLED: [] } };
  class TaskTestModule {}
  const app = await NestFactory.createApplicationContext(
    {
      module: TaskTestModule,
      imports: [DiscoveryModule, ...imports],
      providers: [TaskRegistry, environment, task, ...providers],
    },
    { logger: false, abortOnError: false },
  );
  try {
    const registry = app.get(TaskRegistry);
    const handler = app.get(task);
    const { name } = registry.all().find((one) => one.handler === handler)!.options;
    const checked = await registry.parse(name, input);
    const logs: LoggedLine[] = [];
    const context = testContext(logs, { ...transactionOf(app), ...given });
    const output = outputAsJson(await handler.run(checked, context));
    return { output: output === null ? null : (JSON.parse(output) as Json), logs };
  } finally {
    await app.close();
  }
}

function transactionOf(app: INestApplicationContext): Partial<RunContext> {
  const source = findDataSource(app);
  return source ? { transaction: (work) => source.transaction(work) } : {};
}

function findDataSource(app: INestApplicationContext): DataSource | undefined {
  try {
    return app.get(DataSource, { strict: false });
  } catch {
    return undefined;
  }
}

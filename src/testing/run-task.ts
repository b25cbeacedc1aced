import type { INestApplicationContext, ModuleMetadata, Provider, Type } from '@nestjs/common';
import { DiscoveryModule, NestFactory } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { ENVIRONMENT } from '../config/environment.js';
import { type Json, outputAsJson } from '../core/json.js';
import type { RunContext } from '../tasks/run-context.js';
import type { TaskHandler } from '../tasks/task.decorator.js';
import { TaskRegistry } from '../tasks/task.registry.js';
import { type LoggedLine, testContext } from './test-context.js';

/** What the constructor of the task needs, and the fields of the context that the test sets. Other fields are those of the
 *  first attempt of a scheduled run. See docs/writing-tasks.md#testing. */
export interface TaskTest extends Partial<RunContext> {
  /** Providers that Nest can inject, real or fake. Default: none. */
  providers?: Provider[];
  /** Modules that Nest imports. With a DataSource among them, `context.transaction` is one of its database. Default: none. */
  imports?: NonNullable<ModuleMetadata['imports']>;
}

/** The result of `runTask`. See docs/writing-tasks.md#testing. */
export interface TestedRun {
  /** The output as a run stores it; null when the task returns nothing. */
  output: Json;
  /** What the task logged, in order. */
  logs: LoggedLine[];
}

/** Runs a task once as a worker does: wired by Nest, its input checked and filled in by its schema, its output as JSON. Rejects
 *  with what the task throws, and with INVALID_INPUT and OUTPUT_NOT_STORABLE as a run would fail. With a DataSource among
 *  `imports`, `context.transaction` is one of that database. */
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
    const output = outputAsJson(await handler.run(checked, testContext(logs, { ...ownTransaction(app), ...given })));
    return { output: output === null ? null : (JSON.parse(output) as Json), logs };
  } finally {
    await app.close();
  }
}

function ownTransaction(app: INestApplicationContext): Partial<RunContext> {
  const source = find(app);
  return source ? { transaction: (work) => source.transaction(work) } : {};
}

function find(app: INestApplicationContext): DataSource | undefined {
  try {
    return app.get(DataSource, { strict: false });
  } catch {
    return undefined;
  }
}

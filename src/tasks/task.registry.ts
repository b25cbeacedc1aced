import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Problem } from '../core/problem.js';
import { unstorable } from '../core/storable-json.js';
import { publishedSchema } from './input-schema.js';
import { issuesOutsideReferences, referenceHelp, referencesIn } from './secret-reference.js';
import { InvalidTaskInputError, UnknownTaskError } from './task-errors.js';
import { TaskMetadata, type InputSchema, type TaskHandler, type TaskOptions } from './task.decorator.js';
import type { TaskView } from './task.view.js';

export interface RegisteredTask {
  options: TaskOptions<InputSchema | undefined>;
  handler: TaskHandler<unknown>;
  /** The class and its module, for messages. */
  place: string;
}

/** The tasks of this process: the providers with the decorator @Task. */
@Injectable()
export class TaskRegistry implements OnModuleInit {
  private readonly tasks = new Map<string, RegisteredTask>();

  constructor(
    private readonly discovery: DiscoveryService,
    @Inject(ENVIRONMENT) private readonly environment: Environment,
  ) {}

  onModuleInit(): void {
    for (const wrapper of this.discovery.getProviders({ metadataKey: TaskMetadata.KEY })) {
      const options = this.discovery.getMetadataByDecorator(TaskMetadata, wrapper);
      if (!options || this.environment.TASKS_DISABLED.includes(options.name)) continue;
      const place = `${wrapper.name} in ${wrapper.host?.name ?? 'an unknown module'}`;
      this.refuseDuplicate(options.name, place);
      if (!wrapper.isDependencyTreeStatic())
        throw new Problem(
          500,
          'TASK_REQUEST_SCOPED',
          `Task "${options.name}" (${place}) is request-scoped, or depends on a request-scoped provider; a run has no \
request, so make it a singleton`,
        );
      this.tasks.set(options.name, { options, handler: wrapper.instance as TaskHandler<unknown>, place });
    }
  }

  /** Sorted by name. */
  all(): RegisteredTask[] {
    return [...this.tasks.values()].toSorted((a, b) => (a.options.name < b.options.name ? -1 : 1));
  }

  /** The names of the transactional tasks. */
  transactional(): string[] {
    return this.all().flatMap(({ options }) => (options.transactional ? [options.name] : []));
  }

  find(name: string): RegisteredTask | undefined {
    return this.tasks.get(name);
  }

  /** Throws UNKNOWN_TASK. */
  get(name: string): RegisteredTask {
    const task = this.tasks.get(name);
    if (!task) throw new UnknownTaskError(name, [...this.tasks.keys()]);
    return task;
  }

  /** Checks an input before it is stored, also for values that JSON would change. Values that secrets will replace are not checked
   *  yet. `published` returns the tasks of other processes. It is called only if this process does not have the task, and returns
   *  none by default. Throws UNKNOWN_TASK or INVALID_INPUT. */
  async validate(name: string, input: unknown, published: () => Promise<TaskView[]> = async () => []): Promise<void> {
    const bad = unstorable({ input });
    if (bad) throw new InvalidTaskInputError(name, [bad]);
    const references = referencesIn(input);
    const invalid = references.filter((reference) => reference.name === null);
    if (invalid.length > 0)
      throw InvalidTaskInputError.of(
        name,
        invalid.map(({ path }) => ({ path, message: referenceHelp })),
      );
    const { issues = [] } = await check(await this.schemaOf(name, published), input);
    const remaining = issuesOutsideReferences(issues, references);
    if (remaining.length > 0) throw InvalidTaskInputError.of(name, remaining);
  }

  /** Checks an input in which references are already replaced by secrets. Returns the input that the task gets, with the defaults
   *  of its schema. Throws UNKNOWN_TASK or INVALID_INPUT. */
  async parse(name: string, input: unknown): Promise<unknown> {
    const result = await check(this.get(name).options.input, input);
    if (result.issues) throw InvalidTaskInputError.of(name, result.issues);
    return result.value;
  }

  private async schemaOf(name: string, published: () => Promise<TaskView[]>): Promise<InputSchema | undefined> {
    const own = this.tasks.get(name);
    if (own) return own.options.input;
    const others = (await published()).filter((task) => !this.isDisabled(task.name));
    const task = others.find((one) => one.name === name);
    if (task) return publishedSchema(task.input);
    const names = new Set([...this.tasks.keys(), ...others.map((one) => one.name)]);
    throw new UnknownTaskError(name, [...names]);
  }

  /** A task that the settings of this process disable stays unknown here, even if a worker with other settings has it. The task
   *  `sql` is missing only if SQL_TASK_DATABASE_URL is required and not set. */
  private isDisabled(name: string): boolean {
    return name === 'sql' || this.environment.TASKS_DISABLED.includes(name);
  }

  private refuseDuplicate(name: string, place: string): void {
    const other = this.tasks.get(name);
    if (other)
      throw new Problem(
        500,
        'TASK_DUPLICATE',
        `Two tasks are named "${name}": ${other.place}, and ${place}; \
names must differ, and a task class belongs to one module`,
      );
  }
}

async function check(schema: InputSchema | undefined, input: unknown): Promise<StandardSchemaV1.Result<unknown>> {
  if (schema) return schema['~standard'].validate(input);
  const isEmpty = Object.keys(input as object).length === 0;
  return isEmpty ? { value: {} } : { issues: [{ message: 'this task takes no input; use {}' }] };
}

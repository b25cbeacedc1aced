import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Problem } from '../core/problem.js';
import { isExcused } from './excused.js';
import { publishedSchema } from './published-schema.js';
import { referenceHelp, referencesIn } from './secret-reference.js';
import { InvalidTaskInputError, UnknownTaskError } from './task-errors.js';
import { TaskMetadata, type InputSchema, type TaskHandler, type TaskOptions } from './task.decorator.js';
import type { TaskView } from './task.view.js';

export interface RegisteredTask {
  options: TaskOptions<InputSchema | undefined>;
  handler: TaskHandler<unknown>;
  /** The class and the module it is provided in, for messages. */
  place: string;
}

const nobody = async () => [];

/** All tasks of this process, found by their decorator. */
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
      this.refuseTwins(options.name, place);
      if (!wrapper.isDependencyTreeStatic())
        throw new Problem(
          500,
          'TASK_REQUEST_SCOPED',
          `Task "${options.name}" (${place}) is request-scoped, or depends on \
a provider that is; a run has no request, so make it a singleton`,
        );
      this.tasks.set(options.name, { options, handler: wrapper.instance as TaskHandler<unknown>, place });
    }
  }

  /** By name. */
  all(): RegisteredTask[] {
    return [...this.tasks.values()].toSorted((a, b) => (a.options.name < b.options.name ? -1 : 1));
  }

  /** The names of those whose attempts are a transaction. */
  transactional(): string[] {
    return this.all().flatMap(({ options }) => (options.transactional ? [options.name] : []));
  }

  find(name: string): RegisteredTask | undefined {
    return this.tasks.get(name);
  }

  get(name: string): RegisteredTask {
    const task = this.tasks.get(name);
    if (!task) throw new UnknownTaskError(name, [...this.tasks.keys()]);
    return task;
  }

  /** Checks an input that is to be stored, but for what its references to secrets will stand for. Where only other processes
   *  have the task, by what they have published; `others` is asked for that then. Throws when the task is unknown or refuses it. */
  async validate(name: string, input: unknown, others: () => Promise<TaskView[]> = nobody): Promise<void> {
    const references = referencesIn(input);
    const unsound = references.filter((reference) => reference.name === null);
    if (unsound.length > 0)
      throw InvalidTaskInputError.of(
        name,
        unsound.map(({ path }) => ({ path, message: referenceHelp })),
      );
    const { issues = [] } = await check(await this.schemaOf(name, others), input);
    const places = references.map(({ path }) => path);
    const left = issues.filter((issue) => !isExcused(issue, places));
    if (left.length > 0) throw InvalidTaskInputError.of(name, left);
  }

  /** An input that is filled in, as the task will see it, with its defaults. Throws when the task is unknown or refuses it. */
  async parse(name: string, input: unknown): Promise<unknown> {
    const result = await check(this.get(name).options.input, input);
    if (result.issues) throw InvalidTaskInputError.of(name, result.issues);
    return result.value;
  }

  private async schemaOf(name: string, others: () => Promise<TaskView[]>): Promise<InputSchema | undefined> {
    const own = this.tasks.get(name);
    if (own) return own.options.input;
    const published = (await others()).filter((task) => !this.leavesOut(task.name));
    const task = published.find((one) => one.name === name);
    if (task) return publishedSchema(task.input);
    const names = new Set([...this.tasks.keys(), ...published.map((one) => one.name)]);
    throw new UnknownTaskError(name, [...names]);
  }

  /** What is not here on purpose does not come in by way of a worker that is set up otherwise. `sql` is missing only where nobody
   *  has said on which database. */
  private leavesOut(name: string): boolean {
    return name === 'sql' || this.environment.TASKS_DISABLED.includes(name);
  }

  private refuseTwins(name: string, place: string): void {
    const twin = this.tasks.get(name);
    if (twin)
      throw new Problem(
        500,
        'TASK_DUPLICATE',
        `Two tasks are named "${name}": ${twin.place}, and ${place}; \
names must differ, and a task class belongs to one module`,
      );
  }
}

async function check(schema: InputSchema | undefined, input: unknown): Promise<StandardSchemaV1.Result<unknown>> {
  if (schema) return schema['~standard'].validate(input);
  const isEmpty = Object.keys(input as object).length === 0;
  return isEmpty ? { value: {} } : { issues: [{ message: 'this task takes no input; use {}' }] };
}

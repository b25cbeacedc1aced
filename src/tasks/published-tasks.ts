import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { rows } from '../database/transaction.js';
import { Replicas } from '../replicas/replicas.js';
import { inputSchemaOf } from './input-schema.js';
import { TaskRegistry } from './task.registry.js';
import type { TaskView } from './task.view.js';

/** Writes the tasks of this process to the table `tasks`, if it is a worker. The rows are inserted together with its row
 *  in `replicas`, and deleted together with it. */
@Injectable()
export class TaskPublication {
  /** The first replica number of this process. It gets another one when it was declared lost and registers again, but does
   *  not count as started later then. */
  private joinedAs = 0;

  constructor(
    @Inject(ENVIRONMENT) { ROLES }: Environment,
    private readonly tasks: TaskRegistry,
    replicas: Replicas,
  ) {
    if (ROLES.includes('worker')) replicas.onRegister((tx, number) => this.publish(tx, number));
  }

  private async publish(tx: EntityManager, replica: number): Promise<void> {
    this.joinedAs ||= replica;
    const tasks = this.tasks.all().map(({ options }) => options);
    await tx.query(
      `INSERT INTO tasks (replica, joined_as, name, description, transactional, input)
       SELECT $1::integer, $2::integer, * FROM unnest($3::text[], $4::text[], $5::boolean[], $6::json[])`,
      [
        replica,
        this.joinedAs,
        tasks.map(({ name }) => name),
        tasks.map(({ description = '' }) => description),
        tasks.map(({ transactional = false }) => transactional),
        tasks.map(({ input }) => JSON.stringify(inputSchemaOf(input))),
      ],
    );
  }
}

/** The tasks of all live workers, sorted by name. When workers publish different versions of a task, the one of the
 *  process that started last is returned. */
export const publishedTasks = (tx: EntityManager): Promise<TaskView[]> =>
  rows(
    tx,
    `SELECT DISTINCT ON (name) name, description, transactional, input,
       (count(*) OVER (PARTITION BY name))::integer AS workers
     FROM tasks ORDER BY name, joined_as DESC`,
  );

import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Replicas } from '../replicas/replicas.js';
import { inputSchemaOf } from './input-schema.js';
import { TaskRegistry } from './task.registry.js';

/** Tells all processes what this one can run, if it is a worker: as soon as it is one of the replicas, and no longer. */
@Injectable()
export class TaskPublication {
  /** The number it had first: a process that was taken for dead and joined again has not started later. */
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

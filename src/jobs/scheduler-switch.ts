import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { ApiDatabase } from '../database/api-database.js';
import { rows } from '../database/transaction.js';
import { notify } from '../queue/notify.js';
import { Dispatcher } from './dispatcher.js';
import type { SchedulerView } from './scheduler.view.js';

const PAUSE = 'UPDATE scheduler SET paused = true WHERE NOT paused';

/** The switch of the whole scheduler, for all replicas on the database. */
@Injectable()
export class SchedulerSwitch {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: ApiDatabase,
    private readonly dispatcher: Dispatcher,
  ) {}

  /** Nothing is dispatched and nothing is claimed from now on; what runs goes on. What is due already is dispatched first. */
  async pause(): Promise<SchedulerView> {
    while ((await this.dispatcher.dispatchDue()).more);
    return this.turn(PAUSE);
  }

  /** The same without a last dispatch: nothing of what is due starts. */
  hold(): Promise<SchedulerView> {
    return this.turn(PAUSE);
  }

  /** What was queued starts; the occurrences of the pause become `skipped` rows. */
  resume(): Promise<SchedulerView> {
    return this.turn(`UPDATE scheduler SET paused = false, resumed_at = statement_timestamp() WHERE paused`);
  }

  read(): Promise<SchedulerView> {
    return this.database.transaction(view);
  }

  private turn(statement: string): Promise<SchedulerView> {
    return this.database.transaction(async (tx) => {
      await tx.query(statement);
      await notify(tx, this.environment.DATABASE_SCHEMA, 'jobs');
      await notify(tx, this.environment.DATABASE_SCHEMA, 'runs');
      return view(tx);
    });
  }
}

async function view(tx: EntityManager): Promise<SchedulerView> {
  const [state] = await rows<{ paused: boolean }>(tx, 'SELECT paused FROM scheduler');
  const replicas = await rows<SchedulerView['replicas'][number]>(
    tx,
    `SELECT name, app, version, roles, started_at AS "startedAt", seen_at AS "seenAt" FROM replicas ORDER BY number`,
  );
  return { paused: state!.paused, replicas };
}

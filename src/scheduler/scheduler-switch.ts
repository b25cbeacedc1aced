import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { audit } from '../auth/audit.js';
import { ApiDatabase } from '../database/api-database.js';
import { nextRun } from '../jobs/dispatch/due.js';
import { rows } from '../database/transaction.js';
import { notify } from '../replicas/notify.js';
import { isWaiting } from '../runs/lifecycle/run.entity.js';
import { Dispatcher } from '../jobs/dispatch/dispatcher.js';
import type { SchedulerView } from './scheduler.view.js';

/** The switch of the whole scheduler, for all replicas on the database. */
@Injectable()
export class SchedulerSwitch {
  constructor(
    private readonly database: ApiDatabase,
    private readonly dispatcher: Dispatcher,
  ) {}

  /** Nothing is dispatched and nothing is claimed from now on; what runs goes on. What is due already is dispatched first. */
  async pause(actor: Actor): Promise<SchedulerView> {
    while ((await this.dispatcher.dispatchDue()).more);
    return this.turn(true, actor);
  }

  /** The same without a last dispatch: nothing of what is due starts. */
  hold(actor: Actor): Promise<SchedulerView> {
    return this.turn(true, actor);
  }

  /** What was queued starts; the occurrences of the pause become `skipped` rows. */
  resume(actor: Actor): Promise<SchedulerView> {
    return this.turn(false, actor);
  }

  read(): Promise<SchedulerView> {
    return this.database.transaction(view);
  }

  private turn(paused: boolean, actor: Actor): Promise<SchedulerView> {
    return this.database.transaction(async (tx) => {
      const action = paused ? 'scheduler.pause' : 'scheduler.resume';
      const change = {
        action,
        target: 'scheduler',
        job: null,
        before: { paused: !paused },
        after: { paused },
      } as const;
      // Told by the answer, since it is gone then.
      const { gap } = await view(tx);
      if ((await rows(tx, turn, [paused])).length > 0) await audit(tx, actor, change);
      await notify(tx, 'jobs');
      await notify(tx, 'runs');
      const after = await view(tx);
      return { ...after, gap: after.gap ?? gap };
    });
  }
}

const turn = `
  UPDATE scheduler SET paused = $1, resumed_at = CASE WHEN $1 THEN resumed_at ELSE statement_timestamp() END
  WHERE paused <> $1 RETURNING paused`;

async function view(tx: EntityManager): Promise<SchedulerView> {
  const [state] = await rows<{ paused: boolean }>(tx, 'SELECT paused FROM scheduler');
  const replicas = await rows<SchedulerView['replicas'][number]>(
    tx,
    `SELECT name, app, version, roles, started_at AS "startedAt", seen_at AS "seenAt" FROM replicas ORDER BY number`,
  );
  const { paused } = state!;
  return { paused, gap: paused ? await gapOf(tx) : null, replicas };
}

async function gapOf(tx: EntityManager): Promise<SchedulerView['gap']> {
  const [counts] = await rows<{ jobs: number; runs: number }>(
    tx,
    `SELECT (SELECT count(*)::int FROM jobs WHERE ${nextRun('jobs')} <= statement_timestamp()) AS jobs,
       (SELECT count(*)::int FROM runs WHERE ${isWaiting}) AS runs`,
  );
  return counts!;
}

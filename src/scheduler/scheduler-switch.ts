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

/** Pauses and resumes the whole scheduler, for all replicas on this database. The switch is one row: dispatchers lock
 *  it FOR SHARE, so the UPDATE waits until their transactions have ended, and every later one sees the pause. */
@Injectable()
export class SchedulerSwitch {
  constructor(
    private readonly database: ApiDatabase,
    private readonly dispatcher: Dispatcher,
  ) {}

  /** Dispatches what is due, and then pauses: nothing more is dispatched or claimed. Running attempts continue. */
  async pause(actor: Actor): Promise<SchedulerView> {
    while ((await this.dispatcher.dispatchDue()).more);
    return this.set(true, actor);
  }

  /** Pauses without dispatching first: nothing that is due starts. */
  hold(actor: Actor): Promise<SchedulerView> {
    return this.set(true, actor);
  }

  /** Resumes: queued runs start, and the occurrences of the pause become one `skipped` row for each job. */
  resume(actor: Actor): Promise<SchedulerView> {
    return this.set(false, actor);
  }

  read(): Promise<SchedulerView> {
    return this.database.transaction(view);
  }

  private set(paused: boolean, actor: Actor): Promise<SchedulerView> {
    return this.database.transaction(async (tx) => {
      const action = paused ? 'scheduler.pause' : 'scheduler.resume';
      const change = {
        action,
        target: 'scheduler',
        job: null,
        before: { paused: !paused },
        after: { paused },
      } as const;
      // Read before the change, since a resume returns what it releases.
      const { gap } = await view(tx);
      // Setting the state that it has already changes nothing, and leaves no audit entry.
      if ((await rows(tx, setPaused, [paused])).length > 0) await audit(tx, actor, change);
      await notify(tx, 'jobs');
      await notify(tx, 'runs');
      const after = await view(tx);
      return { ...after, gap: after.gap ?? gap };
    });
  }
}

const setPaused = `
  UPDATE scheduler SET paused = $1, resumed_at = CASE WHEN $1 THEN resumed_at ELSE statement_timestamp() END
  WHERE paused <> $1 RETURNING paused`;

async function view(tx: EntityManager): Promise<SchedulerView> {
  const [state] = await rows<{ paused: boolean }>(tx, 'SELECT paused FROM scheduler');
  const replicas = await rows<SchedulerView['replicas'][number]>(
    tx,
    `SELECT name, app, version, tz_version AS "tzVersion", roles, started_at AS "startedAt", seen_at AS "seenAt" FROM replicas ORDER BY number`,
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

import { setTimeout as wait } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { audit, type AuditEntry } from '../auth/audit.js';
import { ApiDatabase } from '../database/api-database.js';
import { databaseNow } from '../database/database-now.js';
import { nextRun } from '../jobs/dispatch/due.js';
import { switchLock } from '../jobs/dispatch/due-jobs.js';
import { rows } from '../database/transaction.js';
import { notify } from '../replicas/notify.js';
import { isSchedulerPaused } from '../runs/lifecycle/scheduler-paused.js';
import { isWaiting } from '../runs/lifecycle/run.entity.js';
import {
  endSchedulerPause,
  NO_TERMS,
  type PauseTerms,
  recordSchedulerPause,
  recordSchedulerResume,
} from '../jobs/history/job-pauses.js';
import { refusePastEnd } from '../jobs/history/pause-request.js';
import { Dispatcher } from '../jobs/dispatch/dispatcher.js';
import type { SchedulerView } from './scheduler.view.js';

/** How long a request that pauses may dispatch what was due before. */
const MAX_DISPATCHING_MS = 10_000;
const LOCKED_MS = 20;
const AFTER_ERROR_MS = 500;
/** How long a change of the switch waits for its lock at a time, and how often. Nothing is dispatched while it waits, and an import of
 *  thousands of jobs holds the lock for seconds. */
const LOCK_TIMEOUT_MS = 1_000;
const MAX_TRIES = 20;
const LOCK_NOT_AVAILABLE = '55P03';

/** Pauses and resumes the whole scheduler, for all replicas on this database. The switch is one row: dispatchers lock
 *  it FOR SHARE, so the UPDATE waits until their transactions have ended, and every later one sees the pause. */
@Injectable()
export class SchedulerSwitch {
  constructor(
    private readonly database: ApiDatabase,
    private readonly dispatcher: Dispatcher,
    private readonly logger: PinoLogger,
  ) {}

  /** Pauses: nothing more is dispatched or claimed. Running attempts continue. What was due before the pause is dispatched
   *  after it, so that new occurrences cannot delay the pause. What is left after
   *  10 s, or when the scheduler is resumed meanwhile, becomes part of the `skipped` rows of the pause. The terms replace those of a
   *  pause that goes on. Throws UNTIL_IN_PAST. */
  async pause(actor: Actor, terms: PauseTerms = NO_TERMS): Promise<SchedulerView> {
    const { cut } = await this.setWhenFree(true, actor, terms);
    const until = performance.now() + MAX_DISPATCHING_MS;
    for (let more = cut !== null; more && performance.now() < until;) {
      // The pause holds whatever happens here, so an error does not fail the request.
      try {
        const dispatched = await this.dispatcher.dispatchBefore(cut!);
        more = dispatched.more;
        // Others hold the locks of the jobs that are left.
        if (more && dispatched.decisions.length === 0) await wait(LOCKED_MS);
      } catch (error) {
        this.logger.warn({ err: error }, 'what was due before the pause is not dispatched yet');
        await wait(AFTER_ERROR_MS);
      }
    }
    return this.read();
  }

  /** Pauses without dispatching first: nothing that is due starts. */
  async hold(actor: Actor): Promise<SchedulerView> {
    return (await this.setWhenFree(true, actor, NO_TERMS)).view;
  }

  /** Resumes: queued runs start, and the occurrences of the pause become one `skipped` row for each job. */
  async resume(actor: Actor): Promise<SchedulerView> {
    return (await this.setWhenFree(false, actor, NO_TERMS)).view;
  }

  read(): Promise<SchedulerView> {
    return this.database.transaction(view);
  }

  /** Lets others dispatch between its tries. Throws 55P03 if the lock was not free in any of them. */
  private async setWhenFree(paused: boolean, actor: Actor, terms: PauseTerms): Promise<Change> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.set(paused, actor, terms);
      } catch (error) {
        if (tries === MAX_TRIES || (error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
        await wait(LOCK_TIMEOUT_MS * Math.random());
      }
    }
  }

  private set(paused: boolean, actor: Actor, terms: PauseTerms): Promise<Change> {
    return this.database.transaction(async (tx) => {
      await tx.query(`SELECT set_config('lock_timeout', '${LOCK_TIMEOUT_MS}', true)`);
      await tx.query(`SELECT pg_advisory_xact_lock(${switchLock})`);
      await tx.query(`SELECT set_config('lock_timeout', '0', true)`);
      // Read before the change, since a resume returns what it releases.
      const { gap, pause } = await view(tx);
      refusePastEnd(terms, await databaseNow(tx));
      await endSchedulerPause(tx);
      // Setting the state that it has already changes nothing, and leaves no audit entry.
      const [changed] = await rows<{ cut: Date }>(tx, setPaused, [paused, terms.until, terms.reason]);
      const { reason, until } = terms;
      const given = { ...(reason !== null && { reason }), ...(until && { until }) };
      if (changed) {
        if (paused) await recordSchedulerPause(tx, actor.name, changed.cut, terms);
        else await recordSchedulerResume(tx, actor.name, changed.cut);
        await audit(tx, actor, entryOf(paused, { paused: !paused }, { paused, ...given }));
      } else if (paused) {
        const [edited] = await rows(tx, setTerms, [until, reason]);
        if (edited) await recordSchedulerPause(tx, actor.name, null, terms);
        if (edited) await audit(tx, actor, entryOf(true, { reason: pause?.reason, until: pause?.until }, terms));
      }
      await notify(tx, 'jobs');
      await notify(tx, 'runs');
      const after = await view(tx);
      return { view: { ...after, gap: after.gap ?? gap }, cut: changed?.cut ?? null };
    });
  }
}

interface Change {
  view: SchedulerView;
  /** The time of the change by the database's clock. Null if the switch already was as wanted. */
  cut: Date | null;
}

const entryOf = (paused: boolean, before: object, after: object): AuditEntry => ({
  action: paused ? 'scheduler.pause' : 'scheduler.resume',
  target: 'scheduler',
  job: null,
  before,
  after,
});

const setPaused = `
  UPDATE scheduler SET paused = $1, resumed_at = CASE WHEN $1 THEN resumed_at ELSE statement_timestamp() END,
    paused_at = CASE WHEN $1 THEN clock_timestamp() END, paused_until = $2, pause_reason = $3
  WHERE paused <> $1 RETURNING date_trunc('milliseconds', clock_timestamp()) AS cut`;
const setTerms = `
  UPDATE scheduler SET paused_until = $1, pause_reason = $2
  WHERE paused AND (paused_until, pause_reason) IS DISTINCT FROM ($1::timestamptz, $2::text) RETURNING one`;

async function view(tx: EntityManager): Promise<SchedulerView> {
  const [state] = await rows<{ paused: boolean } & NonNullable<SchedulerView['pause']>>(
    tx,
    `SELECT ${isSchedulerPaused('scheduler')} AS paused, paused_at AS since, paused_until AS until, pause_reason AS reason
     FROM scheduler`,
  );
  const replicas = await rows<SchedulerView['replicas'][number]>(
    tx,
    `SELECT name, app, version, tz_version AS "tzVersion", roles, started_at AS "startedAt", seen_at AS "seenAt" FROM replicas ORDER BY number`,
  );
  const [dataLoss] = await rows<NonNullable<SchedulerView['dataLoss']>>(
    tx,
    `SELECT noticed_at AS "noticedAt", from_at AS "from", until_at AS until, runs_missing AS "runsMissing",
       attempts_undone AS "attemptsUndone" FROM data_losses ORDER BY id DESC LIMIT 1`,
  );
  const { paused, ...pause } = state!;
  return {
    paused,
    pause: paused ? pause : null,
    gap: paused ? await gapOf(tx) : null,
    dataLoss: dataLoss ?? null,
    replicas,
  };
}

async function gapOf(tx: EntityManager): Promise<SchedulerView['gap']> {
  const [counts] = await rows<{ jobs: number; runs: number }>(
    tx,
    `SELECT (SELECT count(*)::int FROM jobs WHERE ${nextRun('jobs')} <= statement_timestamp()) AS jobs,
       (SELECT count(*)::int FROM runs WHERE ${isWaiting}) AS runs`,
  );
  return counts!;
}

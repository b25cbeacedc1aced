import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { ApiDatabase } from '../database/api-database.js';
import { rows } from '../database/transaction.js';
import { DatabaseClock } from '../jobs/dispatch/database-clock.js';
import { isOverdue } from '../jobs/dispatch/due.js';
import { Replicas } from '../replicas/replicas.js';

const MAX_OFFSET_MS = 10_000;
const MAX_QUERY_MS = 3_000;

interface Facts {
  /** True for a standby as well. */
  readOnly: boolean;
  overdue: number;
  waiting: number;
  oldestWaitingSeconds: number;
  tzVersions: string[];
  dataLossAt: Date | null;
}

/** Reads from the tables whether occurrences are dispatched on time and how many runs wait. */
@Injectable()
export class SchedulerHealth {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: ApiDatabase,
    private readonly clock: DatabaseClock,
    private readonly replicas: Replicas,
    private readonly health: HealthIndicatorService,
  ) {}

  /** Reports only the database as down when it does not answer within 3 s, because the other indicators then are unknown, and when nobody
   *  can write to it, because nothing is dispatched then. */
  async check() {
    const database = this.health.check('database');
    const facts = await Promise.race([this.facts().catch(() => null), pause(MAX_QUERY_MS, null, { ref: false })]);
    if (!facts) return database.down('does not answer');
    const { unwritable } = this.replicas;
    if (facts.readOnly || unwritable) return database.down(`cannot be written to: ${unwritable ?? 'it is read-only'}`);
    return {
      ...database.up(),
      ...this.occurrences(facts),
      ...this.queue(facts),
      ...this.zoneData(facts),
      ...this.dataLoss(facts),
      ...this.clockOffset(),
    };
  }

  private occurrences({ overdue }: Facts) {
    const indicator = this.health.check('occurrences');
    return overdue > 0 ? indicator.down({ overdue }) : indicator.up({ overdue });
  }

  private queue({ waiting, oldestWaitingSeconds }: Facts) {
    return this.health.check('queue').up({ waiting, oldestWaitingSeconds });
  }

  /** Different data are up, since a rollout causes them and no occurrence is lost by them. */
  private zoneData({ tzVersions }: Facts) {
    return this.health.check('zoneData').up({ versions: tzVersions, differ: tzVersions.length > 1 });
  }

  /** Up, since the loss is over when it is noticed. */
  private dataLoss({ dataLossAt }: Facts) {
    return this.health.check('dataLoss').up({ lastNoticedAt: dataLossAt });
  }

  /** Only processes with the role `scheduler` measure the offset of the clock, and only they need it. */
  private clockOffset() {
    if (!this.environment.ROLES.includes('scheduler')) return {};
    const { offsetMs } = this.clock;
    const indicator = this.health.check('clock');
    return Math.abs(offsetMs) > MAX_OFFSET_MS ? indicator.down({ offsetMs }) : indicator.up({ offsetMs });
  }

  private facts(): Promise<Facts> {
    return this.database.transaction(async (tx) => {
      const [facts] = await rows<Facts>(
        tx,
        `SELECT (SELECT count(*)::int FROM jobs WHERE ${isOverdue}) AS overdue,
           current_setting('transaction_read_only')::boolean AS "readOnly", count(*)::int AS waiting,
           COALESCE(round(extract(epoch FROM statement_timestamp() - min(queued_at))), 0)::int AS "oldestWaitingSeconds",
           ARRAY(SELECT DISTINCT COALESCE(tz_version, 'unknown') FROM replicas ORDER BY 1) AS "tzVersions",
           (SELECT max(noticed_at) FROM data_losses) AS "dataLossAt"
         FROM runs WHERE state = 'pending' AND NOT held`,
      );
      return facts!;
    }, MAX_QUERY_MS);
  }
}

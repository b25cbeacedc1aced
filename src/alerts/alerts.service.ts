import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import type { Actor } from '../auth/actor.js';
import { audit } from '../auth/audit.js';
import { ChannelNotFoundError } from '../channels/channel-errors.js';
import { Channels } from '../channels/channels.js';
import { ApiDatabase } from '../database/api-database.js';
import { databaseNow } from '../database/database-now.js';
import { rows } from '../database/transaction.js';
import type { Page } from '../http/page.js';
import { findRun } from '../runs/api/read-runs.js';
import type { RunView } from '../runs/api/run.view.js';
import { AlertClosedError, AlertNotFoundError, MuteInPastError } from './alert-errors.js';
import { createDelivery } from './deliveries.js';
import type { IncidentView } from './incident.view.js';
import { type AlertsQuery, findIncident, listIncidents } from './read-incidents.js';

/** How long a request waits for a worker to send a test message. */
const MAX_TEST_MS = 20_000;
const POLL_MS = 200;
const NO_RETRY = { limit: 0, delaySeconds: 0, backoff: 'fixed', maxDelaySeconds: 0 } as const;
const nothing = { count: 0, incidents: [] };

/** What the API can do with alerts and channels. */
@Injectable()
export class AlertsService {
  constructor(
    private readonly database: ApiDatabase,
    private readonly channels: Channels,
  ) {}

  list(query: AlertsQuery): Promise<Page<IncidentView>> {
    return this.database.transaction((tx) => listIncidents(tx, query));
  }

  /** Notes who takes care of an open alert. The first one stays. Throws ALERT_NOT_FOUND, ALERT_CLOSED. */
  acknowledge(id: string, actor: Actor): Promise<IncidentView> {
    return this.change(id, actor, 'alert.acknowledge', async (tx, before) => {
      if (before.closedAt) throw new AlertClosedError(id);
      await tx.query(
        `UPDATE incidents SET acknowledged_at = statement_timestamp(), acknowledged_by = $2
         WHERE id = $1 AND acknowledged_at IS NULL`,
        [id, actor.name],
      );
    });
  }

  /** Messages about this job and condition wait until then. Throws ALERT_NOT_FOUND, MUTE_IN_PAST. */
  mute(id: string, until: Date, actor: Actor): Promise<IncidentView> {
    return this.change(id, actor, 'alert.mute', async (tx) => {
      if (until <= (await databaseNow(tx))) throw new MuteInPastError(until.toISOString());
      await tx.query('UPDATE incidents SET muted_until = $2 WHERE id = $1', [id, until]);
    });
  }

  /** Queues a test message, and waits until a worker has sent it or failed. A run that is still waiting after 20 s is returned as it
   *  is. Throws CHANNEL_NOT_FOUND. */
  async test(name: string, actor: Actor): Promise<RunView> {
    const id = await this.database.transaction(async (tx) => {
      const all = this.channels.all();
      if (!all.some((channel) => channel.name === name))
        throw new ChannelNotFoundError(
          name,
          all.map((channel) => channel.name),
        );
      const now = await databaseNow(tx);
      const message = {
        channel: name,
        id: v7(),
        test: true,
        opened: nothing,
        closed: nothing,
        trigger: null,
        resolve: [],
      };
      const run = await createDelivery(tx, now, message, NO_RETRY);
      await audit(tx, actor, { action: 'channel.test', target: name, job: null, before: null, after: { run } });
      return run;
    });
    const deadline = performance.now() + MAX_TEST_MS;
    for (;;) {
      const run = await this.database.transaction((tx) => findRun(tx, id));
      if (run.finishedAt !== null || performance.now() > deadline) return run;
      await pause(POLL_MS);
    }
  }

  private change(
    id: string,
    actor: Actor,
    action: 'alert.acknowledge' | 'alert.mute',
    work: (tx: EntityManager, before: IncidentView) => Promise<void>,
  ): Promise<IncidentView> {
    return this.database.transaction(async (tx) => {
      await rows(tx, 'SELECT FROM incidents WHERE id = $1 FOR UPDATE', [id]);
      const before = await findIncident(tx, id);
      if (!before) throw new AlertNotFoundError(id);
      await work(tx, before);
      const after = (await findIncident(tx, id))!;
      const [old, changed] = [before, after].map(({ acknowledgedAt, acknowledgedBy, mutedUntil }) => ({
        acknowledgedAt,
        acknowledgedBy,
        mutedUntil,
      }));
      await audit(tx, actor, { action, target: id, job: before.job, before: old!, after: changed! });
      return after;
    });
  }
}

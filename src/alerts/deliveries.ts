import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { type AlertMessage, type ListedIncident, MAX_LISTED } from '../channels/alert-message.js';
import type { Channels } from '../channels/channels.js';
import { DELIVER_ALERT } from '../channels/deliver-alert.task.js';
import type { SchedulerDatabase } from '../database/scheduler-database.js';
import { rows } from '../database/transaction.js';
import { notify } from '../replicas/notify.js';
import { createRuns } from '../runs/lifecycle/create-runs.js';
import { isSchedulerPaused } from '../runs/lifecycle/scheduler-paused.js';

/** What deliveries are called in lists of runs. There is no job of this name, so that no delivery causes an alert. */
export const DELIVERIES = 'alerts.deliver';
const DELIVERIES_ID = '00000000-0000-7000-8000-000000000000';

/** The first message of a channel waits this long, so that incidents that open together become one message. */
const GATHER_MS = 10_000;
/** The least time between two messages of a channel. */
const BETWEEN_MS = 60_000;
/** How many alerts of PagerDuty one delivery resolves. Each takes a request. */
const MAX_RESOLVED = 20;

/** A delivery starts before all other runs. If it waits this long, no worker is alive, or all slots are taken. */
const STUCK_SECONDS = 60;

/** Over two hours of retries. A receiver that is away for ten minutes gets the message soon after it is back. */
const RETRY = { limit: 20, delaySeconds: 5, backoff: 'exponential', maxDelaySeconds: 600 } as const;
const DELIVERY = { task: DELIVER_ALERT, timeoutSeconds: 30, onInterruption: 'rerun', priority: 32_767 } as const;

/** Queues the run that sends a message, and returns its id. Notifies `runs`. */
export async function createDelivery(
  tx: EntityManager,
  now: Date,
  message: AlertMessage,
  retry: typeof RETRY | { limit: 0; delaySeconds: 0; backoff: 'fixed'; maxDelaySeconds: 0 } = RETRY,
): Promise<string> {
  const copied = { ...DELIVERY, job: DELIVERIES, retry, input: message };
  const draft = {
    ...copied,
    jobId: DELIVERIES_ID,
    kind: 'manual',
    state: 'pending',
    held: false,
    reason: null,
  } as const;
  const [run] = await createRuns(tx, now, [{ ...draft, scheduledAt: now, dueAt: now }], copied);
  await notify(tx, 'runs');
  return run!.id;
}

/** Whether a delivery waits for a worker for so long that somebody else has to notify people. Not while the scheduler is paused. */
export async function hasStuckDelivery(database: SchedulerDatabase): Promise<boolean> {
  const schema = `"${database.schema}".`;
  const [row] = await database.statement<{ stuck: boolean }>(
    `SELECT NOT ${isSchedulerPaused('scheduler')} AND EXISTS (SELECT FROM ${schema}run_queue
       WHERE task = $1 AND ready_at < statement_timestamp() - interval '${STUCK_SECONDS} s') AS stuck
     FROM ${schema}scheduler`,
    [DELIVER_ALERT],
  );
  return row!.stuck;
}

/** Creates deliveries for the channels whose messages have waited long enough: one for all messages of a channel. Returns the
 *  milliseconds until the next channel is due; null: none waits. A message about a muted incident waits until the mute ends. */
export async function deliverWaiting(tx: EntityManager, now: Date, channels: Channels): Promise<number | null> {
  const waiting = await rows<{ channel: string; first: Date; last: Date | null }>(
    tx,
    `SELECT channel, min(created_at) AS first, (
       SELECT max(sent_at) FROM incident_messages sent WHERE sent.channel = m.channel AND sent_at IS NOT NULL) AS last
     FROM incident_messages m JOIN incidents i ON i.id = m.incident_id WHERE sent_at IS NULL AND ${isAudible('$1')} GROUP BY channel`,
    [now],
  );
  let next: number | null = null;
  for (const { channel, first, last } of waiting) {
    const dueAt = Math.max(first.getTime() + GATHER_MS, last === null ? 0 : last.getTime() + BETWEEN_MS);
    const inMs = dueAt - now.getTime();
    if (inMs <= 0) await deliver(tx, now, channel, channels.typeOf(channel) === 'pagerduty');
    else next = Math.min(next ?? Infinity, inMs);
  }
  return next;
}

const isAudible = (now: string) => `(i.muted_until IS NULL OR i.muted_until <= ${now})`;

async function deliver(tx: EntityManager, now: Date, channel: string, isPagerDuty: boolean): Promise<void> {
  const taken = await rows<{ id: string; event: 'opened' | 'closed' }>(tx, take, [channel, now]);
  const idsOf = (event: 'opened' | 'closed') =>
    taken
      .filter((one) => one.event === event)
      .map(({ id }) => id)
      .toSorted();
  const [opened, closed] = [idsOf('opened'), idsOf('closed')];
  const trigger = opened[0] ?? null;
  if (trigger !== null)
    await tx.query(
      `UPDATE incident_messages SET key = $3 WHERE channel = $1 AND event = 'opened' AND incident_id = ANY($2)`,
      [channel, opened, trigger],
    );
  const resolve = isPagerDuty ? await resolvableKeys(tx, channel, closed) : [];
  const message: AlertMessage = {
    channel,
    id: v7({ msecs: now.getTime() }),
    test: false,
    opened: { count: opened.length, incidents: await listed(tx, opened) },
    closed: { count: closed.length, incidents: await listed(tx, closed) },
    trigger: isPagerDuty ? trigger : null,
    resolve: resolve.slice(0, MAX_RESOLVED),
  };
  // At PagerDuty, an alert stays open as long as one of its incidents. There may be nothing to send yet.
  if (isPagerDuty && trigger === null && resolve.length === 0) return;
  const run = await createDelivery(tx, now, message);
  await tx.query(`UPDATE incident_messages SET run_id = $3 WHERE channel = $1 AND sent_at = $2 AND run_id IS NULL`, [
    channel,
    now,
    run,
  ]);
  for (let from = MAX_RESOLVED; from < resolve.length; from += MAX_RESOLVED)
    await createDelivery(tx, now, {
      ...message,
      id: v7({ msecs: now.getTime() }),
      opened: { count: 0, incidents: [] },
      trigger: null,
      resolve: resolve.slice(from, from + MAX_RESOLVED),
    });
}

const take = `
  UPDATE incident_messages m SET sent_at = $2 FROM incidents i
  WHERE i.id = m.incident_id AND channel = $1 AND sent_at IS NULL AND ${isAudible('$2')}
  RETURNING i.id, event`;

/** The keys of the messages about the opening of these incidents, whose other incidents have closed too. */
async function resolvableKeys(tx: EntityManager, channel: string, closed: string[]): Promise<string[]> {
  if (closed.length === 0) return [];
  const keys = await rows<{ key: string }>(
    tx,
    `SELECT DISTINCT key FROM incident_messages o WHERE incident_id = ANY($2) AND channel = $1 AND event = 'opened' AND key IS NOT NULL
       AND NOT EXISTS (SELECT FROM incident_messages other JOIN incidents i ON i.id = other.incident_id
         WHERE other.key = o.key AND other.channel = $1 AND i.closed_at IS NULL)
     ORDER BY key`,
    [channel, closed],
  );
  return keys.map(({ key }) => key);
}

async function listed(tx: EntityManager, ids: string[]): Promise<ListedIncident[]> {
  if (ids.length === 0) return [];
  const found = await rows<
    Omit<ListedIncident, 'openedAt' | 'closedAt' | 'runs'> & {
      openedAt: Date;
      closedAt: Date | null;
      first: string | null;
      latest: string | null;
      count: number;
    }
  >(
    tx,
    `SELECT id, job, condition, summary, opened_at AS "openedAt", closed_at AS "closedAt", first_run AS first, latest_run AS latest,
       run_count AS count FROM incidents WHERE id = ANY($1) ORDER BY id`,
    [ids.slice(0, MAX_LISTED)],
  );
  return found.map(({ openedAt, closedAt, first, latest, count, ...incident }) => ({
    ...incident,
    openedAt: openedAt.toISOString(),
    closedAt: closedAt?.toISOString() ?? null,
    runs: { first, latest, count },
  }));
}

import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { rows } from '../database/transaction.js';
import { cursor, decodeCursor, limit, type Page, pageOf } from '../http/page.js';
import type { IncidentView } from './incident.view.js';

export const alertsQuery = z.strictObject({
  state: z.enum(['open', 'closed']).optional(),
  job: z.string().optional(),
  limit,
  cursor,
});
export type AlertsQuery = z.output<typeof alertsQuery>;

const place = z.tuple([z.uuid()]);

type Row = Omit<IncidentView, 'runs' | 'state'> & { first: string | null; latest: string | null; count: number };

/** A page of incidents, newest first. */
export async function listIncidents(tx: EntityManager, query: AlertsQuery): Promise<Page<IncidentView>> {
  const { state, job } = query;
  const conditions = [
    ...(state === undefined ? [] : [`closed_at IS ${state === 'open' ? '' : 'NOT '}NULL`]),
    '($1::text IS NULL OR i.job = $1)',
    '($2::uuid IS NULL OR i.id < $2)',
  ];
  const [after] = query.cursor === undefined ? [] : decodeCursor(query.cursor, place);
  const found = await rows<Row>(tx, `${select} WHERE ${conditions.join(' AND ')} ORDER BY i.id DESC LIMIT $3`, [
    job,
    after,
    query.limit + 1,
  ]);
  return pageOf(found.map(viewOf), query.limit, ({ id }) => [id]);
}

/** Undefined if there is no incident with this id. */
export async function findIncident(tx: EntityManager, id: string): Promise<IncidentView | undefined> {
  const [found] = await rows<Row>(tx, `${select} WHERE i.id = $1`, [id]);
  return found && viewOf(found);
}

const select = `
  SELECT i.id, i.job, i.condition, i.summary, opened_at AS "openedAt", closed_at AS "closedAt", close_reason AS "closeReason",
    acknowledged_at AS "acknowledgedAt", acknowledged_by AS "acknowledgedBy", muted_until AS "mutedUntil",
    first_run AS first, latest_run AS latest, run_count AS count,
    ARRAY(SELECT jsonb_build_object('channel', m.channel, 'event', m.event, 'runId', m.run_id, 'state',
        CASE WHEN m.sent_at IS NULL THEN 'waiting' WHEN m.run_id IS NULL THEN 'none' ELSE COALESCE(runs.state, 'pruned') END)
      FROM incident_messages m LEFT JOIN runs ON runs.id = m.run_id WHERE m.incident_id = i.id
      ORDER BY m.event DESC, m.channel) AS deliveries
  FROM incidents i`;

const viewOf = ({ first, latest, count, ...incident }: Row): IncidentView => ({
  ...incident,
  state: incident.closedAt === null ? 'open' : 'closed',
  runs: { first, latest, count },
});

import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { roles } from '../config/api-roles.js';
import { rows } from '../database/transaction.js';
import { cursor, cursorInstant, decodeCursor, instant, limit, type Page, pageOf } from '../http/page.js';
import { auditActions } from './audit.js';

export const auditQuery = z.strictObject({
  job: z.string().optional().describe('Entries about this job or its runs'),
  target: z.string().optional().describe("A job's name, the id of a run or an alert, a channel's name, or `scheduler`"),
  action: z.enum(auditActions).optional(),
  by: z.string().optional().describe('The name of an API key, or `anonymous`, `code` or `file`'),
  from: instant.optional().describe('At this instant or later'),
  to: instant.optional().describe('Before this instant'),
  limit,
  cursor,
});
export type AuditQuery = z.output<typeof auditQuery>;

const state = z.record(z.string(), z.json()).nullable();

export const auditEntryView = z
  .object({
    id: z.string(),
    at: z.date(),
    by: z
      .string()
      .describe('The name of the API key. `anonymous` with AUTH_MODE=none. `code` or `file` for declared jobs'),
    role: z.enum(roles).nullable().describe('Null for declared jobs'),
    origin: z.string().nullable().describe('The address of the client. The name of the replica for declared jobs'),
    action: z.enum(auditActions),
    target: z.string().describe("A job's name, the id of a run or an alert, a channel's name, or `scheduler`"),
    job: z.string().nullable().describe('The affected job. Null for the scheduler and for channels'),
    before: state.describe('The changed fields before the change. Null when the target did not exist'),
    after: state.describe('The same fields after the change. Null when the target no longer exists'),
  })
  .meta({
    id: 'AuditEntry',
    examples: [
      {
        id: '17',
        at: '2026-11-23T14:35:07.120Z',
        by: 'ci',
        role: 'operator',
        origin: '203.0.113.7',
        action: 'job.pause',
        target: 'reports.nightly',
        job: 'reports.nightly',
        before: { paused: false },
        after: { paused: true },
      },
    ],
  });
export type AuditEntryView = z.output<typeof auditEntryView>;

const place = z.tuple([cursorInstant, z.string().regex(/^\d{1,18}$/)]);

/** A page of entries, the newest first. Entries that are added while a client reads do not shift later pages. */
export async function listAudit(tx: EntityManager, query: AuditQuery): Promise<Page<AuditEntryView>> {
  const [at, id] = query.cursor === undefined ? [] : decodeCursor(query.cursor, place);
  const { job, target, action, by, from, to } = query;
  const found = await rows<AuditEntryView>(tx, select, [job, target, action, by, from, to, at, id, query.limit + 1]);
  return pageOf(found, query.limit, (entry) => [entry.at.toISOString(), entry.id]);
}

const select = `
  SELECT id, at, by, role, origin, action, target, job, before, after FROM audit
  WHERE ($1::text IS NULL OR job = $1) AND ($2::text IS NULL OR target = $2) AND ($3::text IS NULL OR action = $3)
    AND ($4::text IS NULL OR by = $4) AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
    AND ($7::timestamptz IS NULL OR (at, id) < ($7, $8::bigint))
  ORDER BY at DESC, id DESC LIMIT $9`;

import { z } from 'zod';
import { incidentConditions } from '../jobs/definition/alert.schema.js';

const time = z.date();

const delivery = z.object({
  channel: z.string(),
  event: z.enum(['opened', 'closed']).describe('What the message is about'),
  state: z
    .string()
    .describe(
      'waiting: no message was sent yet. none: PagerDuty needed no message. Otherwise the state of the run; pruned: it was deleted',
    ),
  runId: z
    .uuid()
    .nullable()
    .describe('The run that delivers the message. One run may deliver the messages of many alerts'),
});

export const incidentView = z
  .object({
    id: z.uuid(),
    job: z.string(),
    condition: z.enum(incidentConditions),
    summary: z.string().describe('What happened, as in the message'),
    state: z.enum(['open', 'closed']),
    openedAt: time,
    closedAt: time.nullable(),
    closeReason: z
      .string()
      .nullable()
      .describe('recovered, job_deleted, or alert_removed: the job no longer has the alert'),
    acknowledgedAt: time.nullable(),
    acknowledgedBy: z.string().nullable().describe('The name of an API key, or anonymous'),
    mutedUntil: time.nullable().describe('Messages about this job and condition wait until then'),
    runs: z.object({
      first: z.uuid().nullable().describe('Null: it is not about a run'),
      latest: z.uuid().nullable(),
      count: z.int(),
    }),
    deliveries: z.array(delivery),
  })
  .meta({
    id: 'Alert',
    examples: [
      {
        id: '01a20853-c643-7b23-8341-c0bf94896359',
        job: 'reports.nightly',
        condition: 'failed',
        summary: 'reports.nightly failed: POST https://example.org/report returned 503 instead of a 2xx',
        state: 'open',
        openedAt: '2026-11-23T01:00:01.204Z',
        closedAt: null,
        closeReason: null,
        acknowledgedAt: null,
        acknowledgedBy: null,
        mutedUntil: null,
        runs: {
          first: '01a20853-c643-7b23-8341-c0bf94896358',
          latest: '01a20853-c643-7b23-8341-c0bf94896358',
          count: 1,
        },
        deliveries: [
          { channel: 'ops', event: 'opened', state: 'succeeded', runId: '01a20853-ed52-7d11-9d3c-2f6e0c1a77b0' },
        ],
      },
    ],
  });
export type IncidentView = z.output<typeof incidentView>;

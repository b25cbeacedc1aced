import { z } from 'zod';
import { incidentConditions } from '../jobs/definition/alert.schema.js';

/** How many incidents of each kind a message lists. The others are only counted. */
export const MAX_LISTED = 20;

const instant = z.iso.datetime();
const listed = z.strictObject({
  id: z.uuid(),
  job: z.string(),
  condition: z.enum(incidentConditions),
  summary: z.string(),
  openedAt: instant,
  closedAt: instant.nullable(),
  runs: z.strictObject({ first: z.uuid().nullable(), latest: z.uuid().nullable(), count: z.int() }),
});
export type ListedIncident = z.output<typeof listed>;

/** The input of a delivery: one message to one channel. */
export const alertMessage = z.strictObject({
  channel: z.string(),
  id: z.uuid().describe('The same in all attempts. Receivers can recognise a repetition by it'),
  test: z.boolean().default(false),
  opened: z.strictObject({ count: z.int(), incidents: z.array(listed) }),
  closed: z.strictObject({ count: z.int(), incidents: z.array(listed) }),
  trigger: z.uuid().nullable().describe('For PagerDuty: the dedup_key of the incidents that opened'),
  resolve: z.array(z.uuid()).describe('For PagerDuty: the dedup_keys whose incidents have all closed'),
});
export type AlertMessage = z.output<typeof alertMessage>;

/** One line: what has happened. */
export function titleOf({ test, opened, closed }: AlertMessage): string {
  if (test) return 'This is a test message from Cronzimus';
  const [first, recovered] = [opened.incidents[0], closed.incidents[0]];
  if (opened.count === 1 && closed.count === 0) return first!.summary;
  if (closed.count === 1 && opened.count === 0) return endOf(recovered!);
  const parts = [
    ...(opened.count > 0 ? [`${opened.count.toLocaleString('en')} ${opened.count === 1 ? 'alert' : 'alerts'}`] : []),
    ...(closed.count > 0 ? [`${closed.count.toLocaleString('en')} recovered`] : []),
  ];
  return parts.join(', ');
}

/** What has happened, one line for each incident. */
export function linesOf({ opened, closed }: AlertMessage): string[] {
  return [
    ...opened.incidents.map(({ summary }) => summary),
    ...restOf(opened),
    ...closed.incidents.map(endOf),
    ...restOf(closed),
  ];
}

const endOf = ({ job, condition }: ListedIncident) =>
  condition === 'failed' ? `${job} has recovered` : `${job}: "${condition}" is over`;

const restOf = ({ count, incidents }: AlertMessage['opened']) =>
  count > incidents.length ? [`and ${(count - incidents.length).toLocaleString('en')} more`] : [];

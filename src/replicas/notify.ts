import type { EntityManager } from 'typeorm';

/** `runs`: there are runs that may start. `jobs`: definitions have changed. `cancel`: a running attempt must stop. */
export type Topic = 'runs' | 'jobs' | 'cancel';

/** The NOTIFY channel of a schema. The payload is the topic. */
export const channelOf = (schema: string) => `cronzimus_${schema}`;

/** Notifies all replicas when `tx` commits. A notification may get lost and only saves time: every topic is polled as
 *  well. PostgreSQL takes a global lock while a notifying transaction commits. So send one for a batch, never one for
 *  each run. */
export async function notify(tx: EntityManager, topic: Topic): Promise<void> {
  // The search_path of the transaction contains only our schema, so current_schema() is its name.
  await tx.query(`SELECT pg_notify('${channelOf('')}' || current_schema(), $1)`, [topic]);
}

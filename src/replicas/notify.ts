import type { EntityManager } from 'typeorm';

/** `runs`: some runs may start. `jobs`: definitions have changed. `cancel`: a running run is to stop. */
export type Topic = 'runs' | 'jobs' | 'cancel';

/** The one NOTIFY channel of a schema; the payload is the topic. */
export const channelOf = (schema: string) => `cronzimus_${schema}`;

/** Notifies every replica on commit. A notification only saves time, since it may get lost: each topic is polled too. PostgreSQL takes a
 *  global lock while a notifying transaction commits, so it is one for all of a batch, never one for each run. */
export async function notify(tx: EntityManager, topic: Topic): Promise<void> {
  // The transaction's search_path is our schema alone.
  await tx.query(`SELECT pg_notify('${channelOf('')}' || current_schema(), $1)`, [topic]);
}

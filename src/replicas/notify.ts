import type { EntityManager } from 'typeorm';
import { channel } from './direct-session.js';

/** `runs`: there are tickets to fetch. `jobs`: definitions have changed. `cancel`: a running run is to stop. */
export type Topic = 'runs' | 'jobs' | 'cancel';

/** Tells every replica at commit. A hint that may get lost: each topic has a poll under it. At most one per transaction. */
export async function notify(tx: EntityManager, schema: string, topic: Topic): Promise<void> {
  await tx.query('SELECT pg_notify($1, $2)', [channel(schema), topic]);
}

import { CodedError } from '../core/coded-error.js';

/** An advisory lock of the service: of a name, or of a name and a number. */
export interface AdvisoryLock {
  name: string;
  number?: number;
}

/** Runs a statement and returns its rows. */
export type Query = <T>(text: string, values: unknown[]) => Promise<T[]>;

interface Holder {
  pid: number;
  user: string | null;
  application: string | null;
  /** Null if our role may not see it. */
  since: Date | null;
}

// pg_locks shows a key as two unsigned halves of a bigint, or as two integers.
const holdersOf = `
  SELECT l.pid, a.usename AS user, a.application_name AS application, a.backend_start AS since
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid, (SELECT hashtext($1)::bigint AS hash) AS key
  WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND CASE WHEN $2::bigint IS NULL
      THEN l.objsubid = 1 AND l.classid::bigint = (hash >> 32) & 4294967295 AND l.objid::bigint = hash & 4294967295
      ELSE l.objsubid = 2 AND l.classid::bigint = hash & 4294967295 AND l.objid::bigint = $2::bigint END
  ORDER BY l.pid`;

/** Says in one sentence which sessions hold a lock. */
export async function describeHolders(query: Query, { name, number }: AdvisoryLock): Promise<string> {
  const found = await query<Holder>(holdersOf, [name, number ?? null]);
  if (found.length === 0) return 'No session holds it now.';
  return `It is held by ${found.map(describe).join(', and by ')}.`;
}

const describe = ({ pid, user, application, since }: Holder) =>
  `the session with pid ${pid} of user "${user}" (application "${application}", connected since ${since?.toISOString() ?? 'an unknown time'})`;

/** Somebody holds an advisory lock of the service for too long. */
export class LockHeldError extends CodedError {
  constructor(what: string, holders: string) {
    super(
      'LOCK_HELD',
      `${what} waits for an advisory lock. ${holders} If that is no process of Cronzimus, end that session: SELECT pg_terminate_backend(pid)`,
    );
  }
}

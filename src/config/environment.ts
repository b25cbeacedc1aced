import { z } from 'zod';
import { Problem } from '../core/problem.js';
import { isTimeZone } from '../core/triggers/zone.js';
import { apiKeyList } from './api-keys.js';
import { jointFaults } from './joint-faults.js';
import { roleList } from './process-roles.js';
import { hosts, postgresUrl, proxies, seconds, selfOrPostgresUrl, wholeNumber, wordList } from './values.js';

/** Every variable that the service reads, with its unit in the name; contract section 9. */
const environment = z.object({
  PORT: wholeNumber(0, 65_535).default(3000),
  HOST: z.string().default('127.0.0.1'),
  /** Absent: `keys` where there are some, else `none`. */
  AUTH_MODE: z.enum(['keys', 'none']).optional(),
  API_KEYS: apiKeyList.optional(),
  /** Read again whenever it changes. */
  API_KEYS_FILE: z.string().optional(),
  /** The proxies before the service, as Express takes them: how many, or which. Absent: none, and whoever connects is the client. */
  TRUST_PROXY: proxies.optional(),
  /** True: /metrics needs no key. */
  METRICS_PUBLIC: z.stringbool().default(false),
  /** Absent: the embedded PostgreSQL under DATA_DIR. */
  DATABASE_URL: postgresUrl.optional(),
  /** For presence and LISTEN, past a transaction pooler. Absent: DATABASE_URL. */
  DATABASE_DIRECT_URL: postgresUrl.optional(),
  DATABASE_SCHEMA: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,40}$/, 'must be 1-41 of a-z 0-9 _ and start with a letter or _')
    .default('cronzimus'),
  /** False: wait for migrations, never make them. */
  DATABASE_MIGRATE: z.stringbool().default(true),
  DATABASE_POOL_MAX: wholeNumber(1, 1000).default(10),
  /** Transactional attempts at once; each has a connection of its own. */
  TRANSACTIONAL_POOL_MAX: wholeNumber(1, 1000).default(10),
  DATA_DIR: z.string().min(1).default('.cronzimus'),
  APP_NAME: z.string().min(1).max(128).default('cronzimus'),
  /** Which loops this process starts, and whether it serves the API. */
  ROLES: roleList.prefault('api,scheduler,worker'),
  /** Pause the scheduler before anything of this process starts: for a database that was restored or copied. */
  START_PAUSED: z.stringbool().default(false),
  WORKER_CONCURRENCY: wholeNumber(1, 10_000).default(50),
  JOBS_FILE: z.string().min(1).optional(),
  DEFAULT_TIME_ZONE: z
    .string()
    .refine(isTimeZone, 'must be an IANA time zone, such as Europe/Berlin or UTC')
    .default('UTC'),
  TASKS_DISABLED: wordList.prefault(''),
  /** A folder with a file for each secret that inputs may refer to. */
  SECRETS_DIR: z.string().min(1).optional(),
  /** Absent: all that are open to tasks at all. */
  HTTP_TASK_ALLOWED_HOSTS: hosts.optional(),
  /** `self` is the service's own database. Absent: `self` on a loopback HOST, elsewhere there is no task sql. */
  SQL_TASK_DATABASE_URL: selfOrPostgresUrl.optional(),
  RUN_RETENTION_DAYS: wholeNumber(1, 36_500).default(30),
  AUDIT_RETENTION_DAYS: wholeNumber(1, 36_500).default(365),
  SHUTDOWN_GRACE_SECONDS: seconds(0, 3600).default(30),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** Absent: pretty on a terminal, else json. */
  LOG_FORMAT: z.enum(['pretty', 'json']).optional(),
});

export type Variables = Omit<z.infer<typeof environment>, 'AUTH_MODE'> & { AUTH_MODE: 'keys' | 'none' };
/** The variables once a database is there, given or embedded. */
export type Environment = Variables & { DATABASE_URL: string };
export const ENVIRONMENT = Symbol('ENVIRONMENT');

/** Reads and checks all variables; an empty one counts as absent. Throws one Problem that names every fault. */
export function readEnvironment(values: NodeJS.ProcessEnv, { listens = true } = {}): Variables {
  const set = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
  const { data, error } = environment.safeParse(set);
  const issues = error?.issues.map(({ path, message }) => ({ path: path.join('.'), message })) ?? [];
  const order = Object.keys(environment.shape);
  const faults = [...issues, ...jointFaults(set, listens)].toSorted(
    (a, b) => order.indexOf(a.path) - order.indexOf(b.path),
  );
  if (data && faults.length === 0)
    return { ...data, AUTH_MODE: data.AUTH_MODE ?? ((data.API_KEYS ?? data.API_KEYS_FILE) ? 'keys' : 'none') };
  const lines = faults.map(({ path, message }) => `  ${path}: ${message}`);
  throw new Problem(500, 'BAD_ENVIRONMENT', `The environment has faults:\n${lines.join('\n')}`, faults);
}

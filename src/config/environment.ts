import { z } from 'zod';
import { Problem } from '../core/problem.js';
import { isTimeZone, zoneFaultOf } from '../core/triggers/zone-names.js';
import { apiKeyList } from './api-keys.js';
import { crossCheck } from './cross-checks.js';
import { roleList } from './process-roles.js';
import {
  hosts,
  httpUrl,
  postgresUrl,
  proxies,
  seconds,
  selfOrPostgresUrl,
  wholeNumber,
  wordList,
} from './variable-types.js';

/** Every variable that the service reads. Names contain the unit. Contract section 9. */
const environment = z.object({
  PORT: wholeNumber(0, 65_535).default(3000),
  HOST: z.string().default('127.0.0.1'),
  /** Absent: `keys` when API keys are set, else `none`. */
  AUTH_MODE: z.enum(['keys', 'none']).optional(),
  API_KEYS: apiKeyList.optional(),
  /** Reloaded when the file changes. */
  API_KEYS_FILE: z.string().optional(),
  /** The trusted proxies in front of the service: their number, or their addresses. Absent: none, so the peer of the connection is
   *  the client. */
  TRUST_PROXY: proxies.optional(),
  /** True: /metrics needs no API key. */
  METRICS_PUBLIC: z.stringbool().default(false),
  /** False: /docs and /docs-json are not served. */
  DOCS: z.stringbool().default(true),
  /** Open connections. One client network may have 80 % of them. */
  HTTP_MAX_CONNECTIONS: wholeNumber(10, 100_000).default(1000),
  /** The bodies of all requests in flight. */
  HTTP_MAX_BODY_BYTES: wholeNumber(1_048_576, 2 ** 31).default(32 * 1024 * 1024),
  /** Requests in flight with one API key. Without keys: from one client network. */
  HTTP_MAX_REQUESTS_PER_KEY: wholeNumber(1, 10_000).default(100),
  /** Absent: the embedded PostgreSQL under DATA_DIR. */
  DATABASE_URL: postgresUrl.optional(),
  /** The file from which DATABASE_URL was read. */
  DATABASE_URL_FILE: z.string().optional(),
  /** A URL that bypasses a transaction pooler, for LISTEN and the lock that shows that a replica is alive. Absent: DATABASE_URL. */
  DATABASE_DIRECT_URL: postgresUrl.optional(),
  DATABASE_SCHEMA: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,40}$/, 'must be 1-41 of a-z 0-9 _ and start with a letter or _')
    .default('cronzimus'),
  /** False: wait until another process has run the migrations. */
  DATABASE_MIGRATE: z.stringbool().default(true),
  DATABASE_POOL_MAX: wholeNumber(1, 1000).default(10),
  /** Largest number of connections of the default DataSource, which tasks use. */
  TASK_POOL_MAX: wholeNumber(1, 1000).default(10),
  /** Largest number of concurrent transactional attempts. Each has its own connection. */
  TRANSACTIONAL_POOL_MAX: wholeNumber(1, 1000).default(10),
  DATA_DIR: z.string().min(1).default('.cronzimus'),
  APP_NAME: z.string().min(1).max(128).default('cronzimus'),
  /** The loops that this process starts, and whether it serves the API. */
  ROLES: roleList.prefault('api,scheduler,worker'),
  /** True: pause the scheduler of all replicas before this process starts any run. For a restored or copied database. */
  START_PAUSED: z.stringbool().default(false),
  WORKER_CONCURRENCY: wholeNumber(1, 10_000).default(50),
  JOBS_FILE: z.string().min(1).optional(),
  /** The channels through which people are notified, and the alerts of jobs that have none of their own. */
  CHANNELS_FILE: z.string().min(1).optional(),
  /** Requested each minute by schedulers while dispatching works, so that a service that watches it notices a standstill. */
  HEARTBEAT_URL: httpUrl.optional(),
  DEFAULT_TIME_ZONE: z
    .string()
    .refine(isTimeZone, {
      error: ({ input }) => `must be an IANA time zone, such as Europe/Berlin or UTC. ${zoneFaultOf(String(input))}`,
    })
    .default('UTC'),
  TASKS_DISABLED: wordList.prefault(''),
  /** A folder with one file for each secret that inputs can refer to. */
  SECRETS_DIR: z.string().min(1).optional(),
  /** The hosts that the http task may connect to. Absent: all hosts, except the addresses that no task may connect to. */
  HTTP_TASK_ALLOWED_HOSTS: hosts.optional(),
  /** `self` is the service's own database. Absent: `self` on a loopback HOST; on any other HOST there is no sql task. */
  SQL_TASK_DATABASE_URL: selfOrPostgresUrl.optional(),
  RUN_RETENTION_DAYS: wholeNumber(1, 36_500).default(30),
  AUDIT_RETENTION_DAYS: wholeNumber(1, 36_500).default(365),
  SHUTDOWN_GRACE_SECONDS: seconds(0, 3600).default(30),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** Absent: pretty on a terminal, else json. */
  LOG_FORMAT: z.enum(['pretty', 'json']).optional(),
});

export type Variables = Omit<z.infer<typeof environment>, 'AUTH_MODE'> & { AUTH_MODE: 'keys' | 'none' };
/** The variables with a database: the configured one, or the embedded one. */
export type Environment = Variables & { DATABASE_URL: string };
export const ENVIRONMENT = Symbol('ENVIRONMENT');

/** Reads and validates all variables. An empty variable counts as absent. Set `listens` to false for a process that serves no HTTP:
 *  it needs no API keys. Throws BAD_ENVIRONMENT with every fault. */
export function readEnvironment(values: NodeJS.ProcessEnv, { listens = true } = {}): Variables {
  const set = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
  const { data, error } = environment.safeParse(set);
  const issues = error?.issues.map(({ path, message }) => ({ path: path.join('.'), message })) ?? [];
  const order = Object.keys(environment.shape);
  const faults = [...issues, ...crossCheck(set, listens)].toSorted(
    (a, b) => order.indexOf(a.path) - order.indexOf(b.path),
  );
  if (data && faults.length === 0)
    return { ...data, AUTH_MODE: data.AUTH_MODE ?? ((data.API_KEYS ?? data.API_KEYS_FILE) ? 'keys' : 'none') };
  const lines = faults.map(({ path, message }) => `  ${path}: ${message}`);
  throw new Problem(500, 'BAD_ENVIRONMENT', `The environment has faults:\n${lines.join('\n')}`, faults);
}

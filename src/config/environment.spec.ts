import { createHash } from 'node:crypto';
import { readEnvironment } from './environment.js';

describe('the environment', () => {
  it('has defaults for absent variables', () => {
    expect(readEnvironment({})).toEqual({
      PORT: 3000,
      HOST: '127.0.0.1',
      AUTH_MODE: 'none',
      METRICS_PUBLIC: false,
      DOCS: true,
      HTTP_MAX_CONNECTIONS: 1000,
      HTTP_MAX_BODY_BYTES: 33_554_432,
      HTTP_MAX_REQUESTS_PER_KEY: 100,
      DATABASE_SCHEMA: 'cronzimus',
      DATABASE_MIGRATE: true,
      DATABASE_POOL_MAX: 10,
      TASK_POOL_MAX: 10,
      TRANSACTIONAL_POOL_MAX: 10,
      DATA_DIR: '.cronzimus',
      APP_NAME: 'cronzimus',
      ROLES: ['api', 'scheduler', 'worker'],
      START_PAUSED: false,
      WORKER_CONCURRENCY: 50,
      DEFAULT_TIME_ZONE: 'UTC',
      TASKS_DISABLED: [],
      RUN_RETENTION_DAYS: 30,
      AUDIT_RETENTION_DAYS: 365,
      SHUTDOWN_GRACE_SECONDS: 30,
      LOG_LEVEL: 'info',
    });
  });

  it('treats an empty variable as absent', () => {
    const names = [
      'PORT',
      'HOST',
      'DATABASE_URL',
      'DATABASE_MIGRATE',
      'JOBS_FILE',
      'TASKS_DISABLED',
      'ROLES',
      'LOG_FORMAT',
      'API_KEYS',
      'TRUST_PROXY',
    ];
    expect(readEnvironment(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readEnvironment({}));
  });

  it.each<[string, string, unknown]>([
    ['PORT', '0', 0],
    ['PORT', '65535', 65_535],
    ['HOST', 'localhost', 'localhost'],
    ['HOST', '::1', '::1'],
    ['HOST', '127.1.2.3', '127.1.2.3'],
    ['DATABASE_URL', 'postgresql://u:p@db:5432/x?sslmode=require', 'postgresql://u:p@db:5432/x?sslmode=require'],
    ['DATABASE_MIGRATE', 'false', false],
    ['TASKS_DISABLED', ' http, sql ,', ['http', 'sql']],
    ['ROLES', ' worker, api, worker', ['api', 'worker']],
    ['START_PAUSED', 'true', true],
    ['DOCS', 'off', false],
    ['HTTP_MAX_BODY_BYTES', '1048576', 1_048_576],
    ['SHUTDOWN_GRACE_SECONDS', '0.5', 0.5],
    ['DEFAULT_TIME_ZONE', 'Europe/Berlin', 'Europe/Berlin'],
    ['LOG_FORMAT', 'json', 'json'],
    ['AUTH_MODE', 'none', 'none'],
    ['TRUST_PROXY', '2', 2],
    ['TRUST_PROXY', 'loopback, 10.0.0.0/8, ::1', ['loopback', '10.0.0.0/8', '::1']],
    ['SECRETS_DIR', '/run/secrets', '/run/secrets'],
    ['SQL_TASK_DATABASE_URL', 'self', 'self'],
    ['SQL_TASK_DATABASE_URL', 'postgres://u:p@db/x', 'postgres://u:p@db/x'],
    [
      'HTTP_TASK_ALLOWED_HOSTS',
      'Example.org, *.example.org,db_1, 10.0.0.1,10.0.0.0/8,fd00::/8, ::1',
      ['example.org', '*.example.org', 'db_1', '10.0.0.1', '10.0.0.0/8', 'fd00::/8', '::1'],
    ],
  ])('accepts %s=%s', (name, value, expected) => {
    expect(readEnvironment({ [name]: value })).toMatchObject({ [name]: expected });
  });

  it('stores API keys as digests', () => {
    const { API_KEYS, AUTH_MODE } = readEnvironment({
      API_KEYS: 'ci:operator:open:sesame:open , me:admin:0123456789abcdef',
    });
    const sha256 = createHash('sha256').update('open:sesame:open').digest('hex');
    expect(API_KEYS).toEqual([{ name: 'ci', role: 'operator', sha256 }, expect.objectContaining({ name: 'me' })]);
    expect(AUTH_MODE).toBe('keys');
  });

  it.each<[string, Record<string, string>, string]>([
    ['loopback and no keys', {}, 'none'],
    ['loopback and keys', { API_KEYS: 'a:viewer:0123456789abcdef' }, 'keys'],
    ['loopback and a keys file', { API_KEYS_FILE: '/keys' }, 'keys'],
    ['keys on a public address', { HOST: '0.0.0.0', API_KEYS_FILE: '/keys' }, 'keys'],
    ['no keys on a public address with AUTH_MODE=none', { HOST: '::', AUTH_MODE: 'none' }, 'none'],
  ])('decides the auth mode: %s', (_case, values, mode) => {
    expect(readEnvironment(values)).toMatchObject({ AUTH_MODE: mode });
  });

  it('needs no keys in a process that does not listen, such as one that migrates', () => {
    expect(readEnvironment({ HOST: '0.0.0.0' }, { listens: false })).toMatchObject({ HOST: '0.0.0.0' });
  });
});

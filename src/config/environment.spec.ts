import { Problem } from '../core/problem.js';
import { readEnvironment } from './environment.js';

/** The message of the refusal. */
function refusal(values: Record<string, string>): string {
  try {
    readEnvironment(values);
  } catch (error) {
    if (error instanceof Problem && error.code === 'BAD_ENVIRONMENT') return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

describe('the environment', () => {
  it('has defaults for all that is absent', () => {
    expect(readEnvironment({})).toEqual({
      PORT: 3000,
      HOST: '127.0.0.1',
      DATABASE_SCHEMA: 'cronzimus',
      DATABASE_MIGRATE: true,
      DATABASE_POOL_MAX: 10,
      TRANSACTIONAL_POOL_MAX: 10,
      DATA_DIR: '.cronzimus',
      APP_NAME: 'cronzimus',
      ROLES: ['api', 'scheduler', 'worker'],
      START_PAUSED: false,
      WORKER_CONCURRENCY: 50,
      DEFAULT_TIME_ZONE: 'UTC',
      TASKS_DISABLED: [],
      RUN_RETENTION_DAYS: 30,
      SHUTDOWN_GRACE_SECONDS: 30,
      LOG_LEVEL: 'info',
    });
  });

  it('takes an empty variable for an absent one', () => {
    const names = [
      'PORT',
      'HOST',
      'DATABASE_URL',
      'DATABASE_MIGRATE',
      'JOBS_FILE',
      'TASKS_DISABLED',
      'ROLES',
      'LOG_FORMAT',
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
    ['SHUTDOWN_GRACE_SECONDS', '0.5', 0.5],
    ['DEFAULT_TIME_ZONE', 'Europe/Berlin', 'Europe/Berlin'],
    ['LOG_FORMAT', 'json', 'json'],
  ])('takes %s=%s', (name, value, expected) => {
    expect(readEnvironment({ [name]: value })).toMatchObject({ [name]: expected });
  });

  it.each([
    ['PORT', '70000', 'at most 65535'],
    ['PORT', '-1', 'a whole number from 0 to 65535'],
    ['ROLES', 'api,wroker', 'one or more of api, scheduler, worker, between commas'],
    ['ROLES', ' , ', 'one or more of api, scheduler, worker'],
    ['START_PAUSED', 'maybe', ''],
    ['PORT', '80.5', 'a whole number'],
    ['HOST', '0.0.0.0', 'can be reached from outside'],
    ['HOST', '::', 'can be reached from outside'],
    ['HOST', 'example.org', 'use 127.0.0.1, ::1 or localhost'],
    ['DATABASE_URL', 'mysql://db/x', 'a URL such as postgres://'],
    ['DATABASE_URL', 'db:5432', 'a URL such as postgres://'],
    ['DATABASE_DIRECT_URL', 'nonsense', 'a URL such as postgres://'],
    ['DATABASE_SCHEMA', 'Cron"zimus', '1-41 of a-z 0-9 _'],
    ['DATABASE_SCHEMA', 'x'.repeat(42), '1-41 of a-z 0-9 _'],
    ['DATABASE_MIGRATE', 'perhaps', 'true'],
    ['DATABASE_POOL_MAX', '0', 'at least 1'],
    ['APP_NAME', 'x'.repeat(129), '128'],
    ['WORKER_CONCURRENCY', '10001', 'at most 10000'],
    ['DEFAULT_TIME_ZONE', 'Mars/Phobos', 'an IANA time zone, such as'],
    ['DEFAULT_TIME_ZONE', '+02:00', 'an IANA time zone, such as'],
    ['RUN_RETENTION_DAYS', '0', 'at least 1'],
    ['SHUTDOWN_GRACE_SECONDS', '3601', 'at most 3600'],
    ['SHUTDOWN_GRACE_SECONDS', 'soon', 'a number of seconds from 0 to 3600'],
    ['LOG_LEVEL', 'loud', 'info'],
    ['LOG_FORMAT', 'xml', 'pretty'],
  ])('refuses %s=%s, and says what would have worked', (name, value, words) => {
    expect(refusal({ [name]: value })).toMatch(new RegExp(`^  ${name}: .*${words.replaceAll(/[.+]/g, '\\$&')}`, 'm'));
  });

  it('names all faults in one message', () => {
    const message = refusal({
      PORT: 'x',
      HOST: '0.0.0.0',
      LOG_LEVEL: 'loud',
      DEFAULT_TIME_ZONE: 'nowhere',
      DATA_DIR: 'd',
    });
    const named = message.split('\n').slice(1);
    expect(named.map((line) => line.trim().split(':')[0])).toEqual(['PORT', 'HOST', 'DEFAULT_TIME_ZONE', 'LOG_LEVEL']);
  });

  it('tells no password of a URL that it refuses', () => {
    expect(refusal({ DATABASE_URL: 'mysql://me:hunter2@db/x' })).not.toContain('hunter2');
  });
});

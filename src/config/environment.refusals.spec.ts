import { Problem } from '../core/problem.js';
import { readEnvironment } from './environment.js';

const KEY = '0123456789abcdef';

/** The message of the error that `values` cause. */
function refusal(values: Record<string, string>): string {
  try {
    readEnvironment(values);
  } catch (error) {
    if (error instanceof Problem && error.code === 'BAD_ENVIRONMENT') return error.message;
    throw error;
  }
  throw new Error('the values were accepted');
}

describe('the environment', () => {
  it.each([
    ['PORT', '70000', 'at most 65535'],
    ['PORT', '-1', 'a whole number from 0 to 65535'],
    ['ROLES', 'api,wroker', 'one or more of api, scheduler, worker, separated by commas'],
    ['ROLES', ' , ', 'one or more of api, scheduler, worker'],
    ['START_PAUSED', 'maybe', ''],
    ['PORT', '80.5', 'a whole number'],
    ['HOST', '0.0.0.0', 'can be reached from other machines'],
    ['HOST', '::', 'can be reached from other machines'],
    ['HOST', 'example.org', 'set API_KEYS_FILE or API_KEYS, or AUTH_MODE=none'],
    ['AUTH_MODE', 'open', 'keys'],
    ['AUTH_MODE', 'keys', 'set API_KEYS_FILE or API_KEYS'],
    ['API_KEYS', 'sesame', 'entry 1: must be name:role:key'],
    ['API_KEYS', 'a:viewer:', 'entry 1: must be name:role:key'],
    ['API_KEYS', `a:viewer:${KEY},b:root:${KEY}2`, 'entry 2: role must be one of viewer, operator, admin'],
    ['API_KEYS', `a b:viewer:${KEY}`, 'entry 1: name must be 1-128 of'],
    ['API_KEYS', `code:viewer:${KEY}`, 'entry 1: name must not be one of anonymous, code, file'],
    ['API_KEYS', `a:viewer:${KEY},a:viewer:${KEY}2`, 'entry 2: there is another key named a'],
    ['API_KEYS', `a:viewer:${KEY},b:viewer:${KEY}`, 'entry 2: it is the same key as a'],
    ['API_KEYS', `a:viewer:${KEY},`, 'entry 2: must be name:role:key'],
    ['API_KEYS', 'a:viewer:trial', 'entry 1: the key must have at least 16 characters; make one with: openssl rand'],
    ['API_KEYS', `a:viewer:${KEY},b:viewer:0123456789abcde`, 'entry 2: the key must have at least 16 characters'],
    ['API_KEYS', 'a:viewer:aaaaaaaaaaaaaaaaaaaa', 'entry 1: the key must not repeat a text of up to 8 characters'],
    ['API_KEYS', 'a:viewer:trialtrialtrialtr', 'entry 1: the key must not repeat a text of up to 8 characters'],
    ['API_KEYS', 'a:viewer:changeitchangeit', 'entry 1: the key must not repeat a text of up to 8 characters'],
    ['TRUST_PROXY', 'true', 'must be a number of proxies, or a list of addresses'],
    ['TRUST_PROXY', '1,loopback', 'must be a number of proxies, or a list of addresses'],
    ['TRUST_PROXY', '10.0.0.0/33', 'must be a number of proxies, or a list of addresses'],
    ['AUDIT_RETENTION_DAYS', '0', 'at least 1'],
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
    ['SQL_TASK_DATABASE_URL', 'own', 'must be self, or a URL such as postgres://'],
    ['HTTP_TASK_ALLOWED_HOSTS', ',', 'must be a name such as example.org'],
    ['HTTP_TASK_ALLOWED_HOSTS', 'a.test,example.org:443', '"example.org:443" must be a name such as example.org'],
    ['HTTP_TASK_ALLOWED_HOSTS', 'https://example.org', 'without a port'],
    ['HTTP_TASK_ALLOWED_HOSTS', '10.0.0.0/33', 'a network such as 10.0.0.0/8'],
    ['HTTP_TASK_ALLOWED_HOSTS', '10.0.0', 'a network such as 10.0.0.0/8'],
    ['HTTP_TASK_ALLOWED_HOSTS', '*', '*.example.org for every name below it'],
    ['HTTP_TASK_ALLOWED_HOSTS', 'a.*.org', '*.example.org for every name below it'],
    ['HTTP_TASK_ALLOWED_HOSTS', 'fe80::1%eth0', 'an address'],
  ])('rejects %s=%s with a message that says what is valid', (name, value, words) => {
    expect(refusal({ [name]: value })).toMatch(new RegExp(`^  ${name}: .*${words.replaceAll(/[.+*]/g, '\\$&')}`, 'm'));
  });

  it('reports all faults in one message', () => {
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

  it.each<[string, Record<string, string>, string]>([
    [
      'no keys on a public address',
      { HOST: '::' },
      'HOST: "::" can be reached from other machines, and there are no API keys',
    ],
    ['a direct URL without a URL', { DATABASE_DIRECT_URL: 'postgres://db/x' }, 'DATABASE_DIRECT_URL: is a second URL'],
    ['none and keys', { AUTH_MODE: 'none', API_KEYS: `a:viewer:${KEY}` }, 'AUTH_MODE: none would ignore the API keys'],
    ['keys in two places', { API_KEYS: `a:viewer:${KEY}`, API_KEYS_FILE: '/k' }, 'API_KEYS_FILE: API_KEYS is set too'],
  ])('rejects variables that contradict each other: %s', (_case, values, words) => {
    expect(refusal(values)).toContain(`\n  ${words}`);
  });

  it('does not repeat a key that it rejects', () => {
    expect(refusal({ API_KEYS: 'hunter2, a:hunter2:hunter2' })).not.toContain('hunter2');
  });

  it.each(['DATABASE_URL', 'SQL_TASK_DATABASE_URL'])('does not repeat the password of a %s that it rejects', (name) => {
    expect(refusal({ [name]: 'mysql://me:hunter2@db/x' })).not.toContain('hunter2');
  });
});

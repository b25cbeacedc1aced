import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { PinoLogger } from 'nestjs-pino';
import { parse } from 'yaml';
import { ApiKeys } from '../src/auth/api-keys.js';
import { readEnvironment } from '../src/config/environment.js';

const SCRIPT = join(import.meta.dirname, '..', 'docker', 'make-key.mjs');

interface Service {
  depends_on: Record<string, object>;
  environment: Record<string, string>;
  volumes: string[];
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(process.env['TEST_SCRATCH']!, 'compose-key-'));
});

/** Runs the script as the service `key` of compose.yaml does. */
function makeKey(variables: Record<string, string> = {}, ...args: string[]) {
  const env = { ...process.env, KEYS_DIR: folder, API_KEY: '', ...variables };
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { env, encoding: 'utf8' });
  return { status, stdout: stdout.trim(), stderr };
}
const shown = () => makeKey({}, 'show').stdout;
/** The name of the key with this text in the file for the service. */
function nameOf(key: string): string | undefined {
  const environment = readEnvironment({ API_KEYS_FILE: join(folder, 'api-keys.yaml') });
  return new ApiKeys({ ...environment, DATABASE_URL: '' }, {} as PinoLogger).find(key)?.name;
}

describe('the key of compose.yaml', () => {
  it('is made at the first start, kept at later ones, and shown only on request', () => {
    expect(makeKey({}, 'show')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('start the services first'),
    });
    const first = makeKey();
    expect(first).toMatchObject({ status: 0, stderr: '' });
    const key = shown();
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(first.stdout).toContain('key show');
    expect(first.stdout).not.toContain(key);
    expect(nameOf(key)).toBe('trial');
    makeKey();
    expect(shown()).toBe(key);
    expect(nameOf(key)).toBe('trial');
    expect(readFileSync(join(folder, 'api-keys.yaml'), 'utf8')).not.toContain(key);
    expect(statSync(join(folder, 'key')).mode & 0o077).toBe(0);
    expect(readdirSync(folder).toSorted()).toEqual(['api-keys.yaml', 'key']);
  });

  it('is API_KEY when that is set, which replaces an earlier key', () => {
    makeKey();
    const before = shown();
    expect(makeKey({ API_KEY: '0123456789abcdef' })).toMatchObject({ status: 0 });
    expect(shown()).toBe('0123456789abcdef');
    expect([nameOf('0123456789abcdef'), nameOf(before)]).toEqual(['trial', undefined]);
  });

  it.each(['trial', '0123456789abcde', 'sixteen letters and spaces', 'key-with-ümlaut-0123'])(
    'is not made of an API_KEY that the service would refuse: %s',
    (key) => {
      const { status, stderr } = makeKey({ API_KEY: key });
      expect(status).toBe(1);
      expect(stderr).toContain('at least 16 visible ASCII characters');
      expect(stderr).not.toContain(key);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('is in place before a replica starts, and compose.yaml has no other', () => {
    const text = readFileSync(join(SCRIPT, '..', 'compose.yaml'), 'utf8');
    const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
    expect(services['cronzimus']!.depends_on['key']).toEqual({ condition: 'service_completed_successfully' });
    expect(services['cronzimus']!.environment).toMatchObject({ API_KEYS_FILE: '/keys/api-keys.yaml' });
    expect(services['cronzimus']!.environment).not.toHaveProperty('API_KEYS');
    expect(services['cronzimus']!.volumes).toContain('keys:/keys:ro');
    expect(services['key']!.volumes).toContain('./make-key.mjs:/make-key.mjs:ro');
  });
});

import { stringify } from 'yaml';
import { checkJobs } from './check-jobs.js';
import type { ImportOptions } from './import-result.js';
import { importK8s } from './k8s.js';

const curl = (...args: string[]) => ({ image: 'curlimages/curl:8', args: ['-f', 'https://example.org', ...args] });

function manifest({ container = curl(), spec = {}, job = {} }: { container?: object; spec?: object; job?: object }) {
  const template = { spec: { containers: [container] } };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'ping', namespace: 'web' },
    spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template, ...job } }, ...spec },
  };
}
const read = (object: object, options: Partial<ImportOptions> = {}) =>
  checkJobs(importK8s(stringify(object), { source: 'jobs.yaml', ...options }));
const definitionOf = (parts: Parameters<typeof manifest>[0]) => read(manifest(parts)).jobs[0]!.definition;

it('imports a CronJob with the defaults of Kubernetes', () => {
  expect(read(manifest({})).jobs).toEqual([
    {
      place: 'CronJob web/ping',
      name: 'ping',
      definition: {
        task: 'http',
        input: { url: 'https://example.org' },
        trigger: { type: 'cron', expression: '*/5 * * * *' },
        retry: { limit: 6, delaySeconds: 10, maxDelaySeconds: 360 },
        overlap: 'allow',
      },
      changes: [],
    },
  ]);
});

it.each<[object, object]>([
  [{ spec: { timeZone: 'Asia/Tokyo' } }, { trigger: { timeZone: 'Asia/Tokyo' } }],
  [
    { spec: { schedule: 'CRON_TZ=Asia/Tokyo 0 5 * * *' } },
    { trigger: { expression: '0 5 * * *', timeZone: 'Asia/Tokyo' } },
  ],
  [{ spec: { schedule: '@every 1h30m' } }, { trigger: { type: 'interval', everySeconds: 5400 } }],
  // Unlike in cron, a step restricts a day field of a CronJob, except a step of 1.
  [{ spec: { schedule: '0 0 */2 * 1' } }, { trigger: { expression: '0 0 */2 * 1' } }],
  [{ spec: { schedule: '0 0 */1 * 1' } }, { trigger: { expression: '0 0 * * 1' } }],
  [{ spec: { concurrencyPolicy: 'Forbid' } }, { overlap: 'skip' }],
  [{ spec: { concurrencyPolicy: 'Replace' } }, { overlap: 'replace' }],
  [{ spec: { startingDeadlineSeconds: 200 } }, { misfire: { policy: 'skip', graceSeconds: 200, maxCatchUp: 1 } }],
  [{ spec: { suspend: true } }, { paused: true }],
  [{ job: { backoffLimit: 0 } }, { retry: { limit: 0 } }],
  [{ job: { activeDeadlineSeconds: 600 } }, { timeoutSeconds: 600 }],
  [{ job: { activeDeadlineSeconds: 600 }, container: curl('-m', '20') }, { timeoutSeconds: 20 }],
])('%j becomes %j', (parts, expected) => {
  expect(definitionOf(parts)).toMatchObject(expected);
});

it.each<[string, object]>([
  ['the command', { command: ['/usr/bin/curl', '-f'], args: ['https://example.org'] }],
  [
    'the arguments for an image of curl',
    { image: 'registry.example.org/curlimages/curl@sha256:0', args: ['-f', 'https://example.org'] },
  ],
  ['a script with one command', { command: ['/bin/sh', '-ec'], args: ['curl -f \\\n  "https://example.org"\n'] }],
  [
    'variables of Kubernetes',
    {
      ...curl(),
      args: ['-f', '$(URL)'],
      env: [
        { name: 'HOST', value: 'example.org' },
        { name: 'URL', value: 'https://$(HOST)' },
      ],
    },
  ],
  [
    'variables of the shell',
    { command: ['sh', '-c', 'curl -f "https://${HOST}"'], env: [{ name: 'HOST', value: 'example.org' }] },
  ],
])('reads %s', (_what, container) => {
  expect(definitionOf({ container }).input).toEqual({ url: 'https://example.org' });
});

it('replaces a secret by a reference, and names the file that it needs', () => {
  const [job] = read(
    manifest({
      container: {
        command: ['sh', '-c', 'curl -f -H "X-Key: $KEY" https://example.org'],
        env: [{ name: 'KEY', valueFrom: { secretKeyRef: { name: 'crm', key: 'api-key' } } }],
      },
    }),
  ).jobs;
  expect(job).toMatchObject({
    definition: { input: { headers: { 'X-Key': { $secret: 'crm.api-key' } } } },
    changes: [expect.stringMatching(/secret "crm\.api-key".*SECRETS_DIR/)],
  });
});

it('turns labels into tags', () => {
  const labels = { app: 'crm', 'helm.sh/chart': 'crm-1', 'app.kubernetes.io/managed-by': 'Helm' };
  const object = manifest({});
  expect(read({ ...object, metadata: { ...object.metadata, labels } }).jobs[0]!.definition.tags).toEqual(['app=crm']);
});

it('reads several documents and lists, and gives CronJobs of the same name different names', () => {
  const list = { kind: 'List', items: [manifest({}), { kind: 'Service', metadata: { name: 'a' } }] };
  const text = `${stringify(manifest({}))}---\n# nothing\n---\n${stringify(list)}`;
  const { jobs, notes } = checkJobs(importK8s(text, { source: 'x', timeZone: 'UTC' }));
  expect(jobs.map(({ name }) => name)).toEqual(['ping', 'ping-2']);
  expect(jobs[1]!.changes).toEqual(['its name "ping" is now "ping-2"']);
  expect(notes).toEqual(['ignored objects of other kinds: 1']);
});

it.each<[object, string]>([
  [{ container: { image: 'postgres:17', command: ['pg_dump', 'app'] } }, 'write a task'],
  [{ container: { image: 'alpine' } }, 'what the image "alpine" starts'],
  [{ job: { parallelism: 3 } }, 'several pods'],
  [
    {
      container: {
        ...curl(),
        args: ['$(HOST)'],
        env: [{ name: 'HOST', valueFrom: { configMapKeyRef: { name: 'a', key: 'b' } } }],
      },
    },
    '$HOST is not in the manifest',
  ],
])('makes a job to be completed, with its times, when a task is needed: %j', (parts, todo) => {
  expect(read(manifest(parts)).jobs).toMatchObject([{ todo: expect.stringContaining(todo) }]);
});

it.each<[object, string]>([
  [{ spec: { schedule: '0 25 * * *' } }, 'hour "25"'],
  [{ spec: { schedule: '@every soon' } }, 'duration'],
  [{ spec: { concurrencyPolicy: 'Maybe' } }, 'concurrencyPolicy'],
  [{ spec: { jobTemplate: null } }, 'jobTemplate'],
  [
    {
      container: {
        ...curl(),
        args: ['-f', '-H', 'A: Bearer $(KEY)', 'https://example.org'],
        env: [{ name: 'KEY', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } }],
      },
    },
    'whole value',
  ],
])('lists what cannot be imported, with the reason: %j', (parts, reason) => {
  expect(read(manifest(parts))).toMatchObject({
    jobs: [],
    notImported: [{ place: 'CronJob web/ping', reason: expect.stringContaining(reason) }],
  });
});

it.each([
  ['kind: CronJob\nspec: [', 'line 2'],
  ['{{ if .Values.on }}\nkind: CronJob', 'line 2'],
  ['just text', 'line 1'],
])('refuses a file that cannot be parsed, and names the line: %j', (text, line) => {
  expect(() => importK8s(text, { source: 'x' })).toThrow(expect.objectContaining({ code: 'IMPORT_UNREADABLE' }));
  expect(() => importK8s(text, { source: 'x' })).toThrow(line);
});

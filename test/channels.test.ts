import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { createTestApplication } from './support/application.js';
import { createTestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { startMailServer, startReceiver, type Receiver } from './support/receiver.js';
import { runSql } from './support/run-sql.js';
import { type RunAnswer, TestService } from './support/service.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const PASSWORD = 'correct-horse-battery';
const TOKEN = 'T00000000/B11111111/XxXxXxXxXxXxXxXxXxXxXxXx';

let receiver: Receiver;
let mail: Awaited<ReturnType<typeof startMailServer>>;
let secureMail: typeof mail;
let service: TestService;
let folder: string;

const channelsFile = async (channels: object, more: object = {}) => {
  const path = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'channels-')), 'channels.yaml');
  await writeFile(path, JSON.stringify({ channels, ...more }));
  return path;
};

beforeAll(async () => {
  receiver = await startReceiver();
  mail = await startMailServer('cronzimus', PASSWORD);
  secureMail = await startMailServer('cronzimus', PASSWORD, { secure: true });
  folder = await mkdtemp(join(process.env['TEST_SCRATCH']!, 'secrets-'));
  await writeFile(join(folder, 'slack-url'), `${receiver.url}/services/${TOKEN}\n`);
  await writeFile(join(folder, 'mail'), `smtp://cronzimus:${PASSWORD}@127.0.0.1:${mail.port}`);
  const CHANNELS_FILE = await channelsFile({
    chat: { type: 'slack', url: { $secret: 'slack-url' } },
    hook: { type: 'webhook', url: `${receiver.url}/hook`, secret: SECRET },
    pager: { type: 'pagerduty', routingKey: 'R0123456789', url: `${receiver.url}/v2/enqueue` },
    mail: { type: 'email', smtp: { $secret: 'mail' }, from: 'Cronzimus <cron@example.org>', to: ['ops@example.org'] },
    locked: {
      type: 'email',
      smtp: `smtp://cronzimus:wrong-horse-battery@127.0.0.1:${mail.port}`,
      from: 'a@example.org',
      to: ['b@example.org'],
    },
    secure: {
      type: 'email',
      smtp: `smtps://cronzimus:${PASSWORD}@127.0.0.1:${secureMail.port}?tls.rejectUnauthorized=false`,
      from: 'a@example.org',
      to: ['b@example.org'],
    },
    untrusted: {
      type: 'email',
      smtp: `smtps://cronzimus:${PASSWORD}@127.0.0.1:${secureMail.port}`,
      from: 'a@example.org',
      to: ['b@example.org'],
    },
    away: { type: 'slack', url: `http://127.0.0.1:1/${TOKEN}` },
    'mail-metadata': {
      type: 'email',
      smtp: `smtp://cronzimus:${PASSWORD}@169.254.169.254`,
      from: 'a@example.org',
      to: ['b@example.org'],
    },
    metadata: { type: 'slack', url: `http://169.254.169.254/${TOKEN}` },
  });
  service = await TestService.start({ CHANNELS_FILE, SECRETS_DIR: folder });
});
afterAll(async () => {
  await service.stop();
  await mail.close();
  await secureMail.close();
  await receiver.close();
});
afterEach(() => {
  receiver.requests.length = 0;
  receiver.status = 200;
  receiver.headers = {};
  receiver.body = 'so it was';
});

const send = async (name: string) => {
  const { status, body } = await service.call<RunAnswer & { error: { code: string; message: string } | null }>(
    'POST',
    `/channels/${name}/test`,
  );
  expect(status).toBe(200);
  return body;
};
/** What the service shows and stores about a run, as text. */
const tracesOf = async ({ id }: RunAnswer) =>
  JSON.stringify([
    await service.get(`/runs/${id}`),
    await service.get(`/runs/${id}/logs`),
    await runSql(service.database, `SELECT * FROM cronzimus.runs WHERE id = '${id}'`),
    await runSql(service.database, `SELECT * FROM cronzimus.run_attempts WHERE run_id = '${id}'`),
  ]);

it('lists names and types, and nothing else', async () => {
  expect(await service.get('/channels')).toEqual({
    items: [
      { name: 'log', type: 'log' },
      { name: 'away', type: 'slack' },
      { name: 'chat', type: 'slack' },
      { name: 'hook', type: 'webhook' },
      { name: 'locked', type: 'email' },
      { name: 'mail', type: 'email' },
      { name: 'mail-metadata', type: 'email' },
      { name: 'metadata', type: 'slack' },
      { name: 'pager', type: 'pagerduty' },
      { name: 'secure', type: 'email' },
      { name: 'untrusted', type: 'email' },
    ],
  });
});

it('sends to a webhook what its receiver can verify, with the same id in each attempt', async () => {
  expect((await send('hook')).state).toBe('succeeded');
  const [{ headers, body, path }] = receiver.requests as [Receiver['requests'][number]];
  expect(path).toBe('/hook');
  expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toMatchObject({
    type: 'alerts.test',
    data: { title: 'This is a test message from Cronzimus' },
  });
  const [{ input }] = (await runSql(
    service.database,
    `SELECT input FROM cronzimus.runs WHERE job = 'alerts.deliver' ORDER BY id DESC LIMIT 1`,
  )) as [{ input: { id: string } }];
  expect(headers['webhook-id']).toBe(input.id);
});

it('sends to Slack', async () => {
  expect((await send('chat')).state).toBe('succeeded');
  expect(receiver.requests).toMatchObject([{ method: 'POST', path: `/services/${TOKEN}` }]);
  expect(receiver.bodies()).toEqual([{ text: 'This is a test message from Cronzimus' }]);
});

it('sends to PagerDuty, and resolves the test at once', async () => {
  expect((await send('pager')).state).toBe('succeeded');
  const [trigger, resolve] = receiver.bodies<Record<string, unknown>>();
  expect(trigger).toMatchObject({ routing_key: 'R0123456789', event_action: 'trigger', payload: { severity: 'info' } });
  expect(resolve).toMatchObject({ event_action: 'resolve', dedup_key: trigger!['dedup_key'] });
});

it('sends an email through a server that wants a login', async () => {
  expect((await send('mail')).state).toBe('succeeded');
  expect(mail.mails).toMatchObject([{ from: 'cron@example.org', to: ['ops@example.org'] }]);
  expect(mail.mails[0]!.text).toMatch(/^Subject: \[Cronzimus\] This is a test message/m);
  expect(mail.mails[0]!.text).toMatch(/^Message-ID: <[0-9a-f-]{36}@cronzimus>/m);
});

it('sends an email through a server with TLS from the beginning', async () => {
  expect((await send('secure')).state).toBe('succeeded');
  expect(secureMail.mails).toMatchObject([{ from: 'a@example.org', to: ['b@example.org'] }]);
});

it('writes to the log', async () => {
  const { id, state } = await send('log');
  expect(state).toBe('succeeded');
  await eventually(async () =>
    expect(await service.get(`/runs/${id}/logs`)).toMatchObject({
      items: [{ level: 'warn', message: 'This is a test message from Cronzimus' }],
    }),
  );
});

it.each([
  ['chat', 'the status was 500: so it was', [TOKEN]],
  ['away', 'ECONNREFUSED', [TOKEN]],
  ['metadata', 'A channel does not connect to 169.254.169.254', [TOKEN]],
  ['mail-metadata', 'A channel does not connect to 169.254.169.254', [PASSWORD]],
  ['locked', 'Invalid login', ['wrong-horse-battery']],
  ['untrusted', 'certificate', [PASSWORD]],
])('says why it could not send to %s, and shows no secret', async (name, why, secrets) => {
  receiver.status = 500;
  const run = await send(name);
  expect(run).toMatchObject({ state: 'failed', error: { code: 'DELIVERY_FAILED' } });
  expect(run.error!.message).toContain(why);
  const traces = await tracesOf(run);
  for (const secret of secrets) for (const part of secret.split('/')) expect(traces).not.toContain(part);
});

describe('what a job writes into an error', () => {
  const hostile = 'a failed: <!channel> <https://evil.example|log in> & x\r\nBcc: c@example.org\r\n\r\n<script>';
  const one = {
    id: '01990000-0000-7000-8000-000000000001',
    job: 'a',
    condition: 'failed',
    summary: hostile,
    openedAt: '2030-01-01T00:00:00.000Z',
    closedAt: null,
    runs: { first: null, latest: null, count: 1 },
  };
  /** Sends a message about this many alerts with that text. */
  const deliver = async (channel: string, count: number) => {
    const opened = { count, incidents: Array.from({ length: count }, () => one) };
    const input = { channel, id: one.id, opened, closed: { count: 0, incidents: [] }, trigger: null, resolve: [] };
    await service.call('PUT', '/jobs/hostile', {
      task: 'deliver-alert',
      input,
      trigger: { type: 'interval', everySeconds: 86_400 },
    });
    await service.run('hostile', 'succeeded');
  };

  it.each([1, 2])('is text in Slack, with neither mentions nor links, in a message about %i', async (count) => {
    await deliver('chat', count);
    const [{ text }] = receiver.bodies<{ text: string }>() as [{ text: string }];
    expect(text).toContain('&lt;!channel&gt; &lt;https://evil.example|log in&gt; &amp; x');
    expect(text).not.toMatch(/[<>]/);
  });

  it('adds no header and no receiver to an email, and is plain text in it', async () => {
    mail.mails.length = 0;
    await deliver('mail', 1);
    const [{ to, text }] = mail.mails as [(typeof mail.mails)[number]];
    expect(to).toEqual(['ops@example.org']);
    const [headers] = text.split('\r\n\r\n') as [string];
    expect(headers).not.toMatch(/^bcc:/im);
    expect(headers.match(/^content-type:.*/gim)).toEqual([expect.stringContaining('text/plain')]);
  });
});

describe('a redirect', () => {
  let login: Receiver;
  beforeEach(async () => (login = await startReceiver()));
  afterEach(() => login.close());

  it.each([301, 302, 303])('with %i is not followed, since it would drop the message', async (status) => {
    Object.assign(receiver, { status, headers: { Location: login.url } });
    const { state, error } = await send('hook');
    expect([state, error?.message]).toEqual(['failed', expect.stringContaining(`the status was ${status}`)]);
    expect(login.requests).toEqual([]);
  });
});

it.each([
  ['chat', `no hook at /services/${TOKEN}`, TOKEN],
  ['pager', JSON.stringify({ message: 'invalid key', routing_key: 'R0123456789' }), 'R0123456789'],
  ['hook', `signed with ${SECRET}`, SECRET],
])('shows no secret of %s if the receiver quotes it', async (name, body, secret) => {
  Object.assign(receiver, { status: 400, body });
  const run = await send(name);
  expect(run.error!.message).toMatch(/the status was 400: .*\*\*\*/);
  const traces = await tracesOf(run);
  for (const part of secret.split('/')) expect(traces).not.toContain(part);
});

it('shows no password if the mail server quotes it', async () => {
  const run = await send('locked');
  expect(run.error!.message).toContain('go away, ***');
  expect(await tracesOf(run)).not.toContain('wrong-horse-battery');
});

it('refuses a test of a channel that does not exist', async () => {
  expect(await service.call('POST', '/channels/opps/test')).toMatchObject({
    status: 404,
    body: { code: 'CHANNEL_NOT_FOUND' },
  });
});

it('counts attempts by type and outcome', async () => {
  await send('hook');
  const { text } = { text: await (await fetch(`${service.url}/metrics`)).text() };
  expect(text).toMatch(/cronzimus_alert_deliveries_total\{type="webhook",outcome="delivered"\} [1-9]/);
});

describe('a job that names a channel that does not exist', () => {
  const alerts = [{ when: 'failed', to: ['chat', 'opps'] }];
  const job = { task: 'echo', input: { text: 'x' }, trigger: { type: 'interval', everySeconds: 3600 }, alerts };

  it('is refused over the API, with the place', async () => {
    for (const [method, path, body] of [
      ['PUT', '/jobs/a', job],
      ['POST', '/jobs', { name: 'a', ...job }],
      ['POST', '/jobs-file', { jobs: { a: job } }],
    ] as const) {
      const { status, body: problem } = await service.call<{ errors: { path: string; message: string }[] }>(
        method,
        path,
        body,
      );
      expect(status).toBe(422);
      expect(problem.errors).toEqual([
        expect.objectContaining({
          path: path === '/jobs-file' ? '/jobs/a/alerts/0/to/1' : '/alerts/0/to/1',
          message: expect.stringContaining('There is no channel "opps"; the channels are "log", "away"') as string,
        }),
      ]);
    }
  });

  it('is accepted with known ones, and returned with defaults', async () => {
    await service.call('PUT', '/jobs/a', { ...job, alerts: [{ when: 'failed', to: ['chat'] }, { when: 'recovered' }] });
    expect((await service.get('/jobs/a'))['alerts']).toEqual([
      { when: 'failed', times: 1, to: ['chat'] },
      { when: 'recovered' },
    ]);
    const { body } = await service.call('PATCH', '/jobs/a', { alerts: null });
    expect(body['alerts']).toBeNull();
  });
});

const startWith = async (variables: Record<string, string>) => {
  const database = await createTestDatabase();
  try {
    const app = await createTestApplication(database.url, variables);
    await app.close();
  } finally {
    await database.drop();
  }
};

describe('a start', () => {
  it('is refused while a channel lacks its secret, or is not valid with it', async () => {
    const secrets = join(folder, 'few');
    await mkdir(secrets, { recursive: true });
    await writeFile(join(secrets, 'bad'), 'not a URL');
    const CHANNELS_FILE = await channelsFile({
      a: { type: 'slack', url: { $secret: 'gone' } },
      b: { type: 'slack', url: { $secret: 'bad' } },
    });
    await expect(startWith({ CHANNELS_FILE, SECRETS_DIR: secrets })).rejects.toThrow(
      /line 1: channels\.a: There is no secret "gone"[^]*line 1: channels\.b\.url: Must be an http/,
    );
    await expect(startWith({ CHANNELS_FILE })).rejects.toThrow(/SECRETS_DIR is not set/);
    await startWith({ CHANNELS_FILE, ROLES: 'api,scheduler' });
  });

  it('is refused without the file', async () => {
    await expect(startWith({ CHANNELS_FILE: '/nowhere/channels.yaml' })).rejects.toMatchObject({
      code: 'CHANNELS_FILE_UNREADABLE',
    });
  });
});

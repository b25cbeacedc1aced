import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { holdLocks } from './support/hold-locks.js';
import { eventually } from './support/eventually.js';
import { EVERY_SECOND, jobRow } from './support/jobs.js';
import { startReceiver, type Receiver } from './support/receiver.js';
import { runSql } from './support/run-sql.js';
import { finishedJob, type Page, type RunAnswer, TestService } from './support/service.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

interface Incident {
  id: string;
  job: string;
  condition: string;
  summary: string;
  state: string;
  closeReason: string | null;
  mutedUntil: string | null;
  runs: { first: string | null; latest: string | null; count: number };
  deliveries: { channel: string; event: string; state: string; runId: string | null }[];
}
interface Message {
  data: {
    title: string;
    opened: { count: number; incidents: { id: string; job: string; summary: string }[] };
    closed: { count: number; incidents: { id: string; job: string }[] };
  };
}
type Alerts = NonNullable<Job['alerts']>;

let receiver: Receiver;
let service: TestService;

const startService = async (more: object = {}) => {
  const path = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'alerts-')), 'channels.yaml');
  const hook = (name: string) => ({ type: 'webhook', url: `${receiver.url}/${name}`, secret: SECRET });
  const channels = {
    hook: hook('hook'),
    other: hook('other'),
    pager: { type: 'pagerduty', routingKey: 'R', url: `${receiver.url}/pager` },
  };
  await writeFile(path, JSON.stringify({ channels, ...more }));
  return TestService.start({ CHANNELS_FILE: path });
};

beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await service.stop();
  await receiver.close();
});

const sql = (statement: string) => runSql(service.database, statement);
const incidents = async (query = ''): Promise<Incident[]> =>
  (await service.get<Page<Incident>>(`/alerts?limit=500${query}`)).items;
const incidentOf = (job: string, condition: string, state: string): Promise<Incident> =>
  eventually(async () => {
    const found = (await incidents(`&job=${job}`)).find((one) => one.condition === condition && one.state === state);
    if (!found) throw new Error(`no incident is ${state}: ${JSON.stringify(await incidents())}`);
    return found;
  });
/** What the receiver got on a path. */
const messages = (path = '/hook'): Message[] =>
  receiver.requests.filter((request) => request.path === path).map(({ body }) => JSON.parse(body) as Message);
const told = (path: string, count: number) =>
  eventually(() => {
    if (messages(path).length < count) throw new Error(`${messages(path).length} messages`);
    return messages(path);
  });
/** As if the last messages had been sent a minute earlier. */
const aMinuteLater = () =>
  sql(
    `UPDATE cronzimus.incident_messages SET sent_at = sent_at - interval '1 minute', created_at = created_at - interval '1 minute'`,
  );

/** What PagerDuty got. */
const events = () => receiver.bodies<{ event_action: string; dedup_key: string; payload?: { summary: string } }>();

const to = ['hook'];
const fails = (name: string, alerts: Alerts | null, written: Partial<Job> = {}) =>
  finishedJob(name, 'fail', { input: {}, alerts, ...written });
/** Saves jobs, and notifies the service as it does itself. */
async function given(...jobs: Job[]): Promise<void> {
  await service.given(...jobs.map((job) => Object.assign(job, { updatedAt: new Date() })));
  await sql(`SELECT pg_notify('cronzimus_cronzimus', 'jobs')`);
}

describe('failed', () => {
  it('opens an incident at the nth failure in a row, and tells so once; retries of a run do not count', async () => {
    service = await startService();
    const retry = { limit: 1, delaySeconds: 0.1, backoff: 'fixed', maxDelaySeconds: 1 } as const;
    await given(
      fails('a', [{ when: 'failed', times: 3, to }], { retry }),
      finishedJob('b', 'echo', { input: { text: 'x' } }),
    );
    const first = await service.run('a', 'failed');
    await service.run('a', 'failed');
    await service.run('b', 'succeeded');
    expect(await incidents()).toEqual([]);
    const last = await service.run('a', 'failed');
    const incident = await incidentOf('a', 'failed', 'open');
    expect(incident).toMatchObject({
      summary: 'a failed, the 3rd failure in a row: attempt 2 failed',
      runs: { first: first.id, latest: last.id, count: 3 },
    });
    await service.run('a', 'failed');
    const [message] = await told('/hook', 1);
    expect(message!.data).toMatchObject({
      title: incident.summary,
      opened: { count: 1, incidents: [{ id: incident.id }] },
    });
    await eventually(async () => expect((await incidents())[0]!.runs.count).toBe(4));
    await eventually(async () =>
      expect((await incidents())[0]!.deliveries).toEqual([
        { channel: 'hook', event: 'opened', state: 'succeeded', runId: expect.any(String) as string },
      ]),
    );
    expect(messages()).toHaveLength(1);
  });

  it('counts from the last success', async () => {
    service = await startService();
    await given(fails('a', [{ when: 'failed', times: 2, to }]));
    await service.run('a', 'failed');
    await service.run('a', 'succeeded', { attempts: 0 });
    await service.run('a', 'failed');
    await given(fails('b', [{ when: 'failed', times: 1, to }]));
    await service.run('b', 'failed');
    await incidentOf('b', 'failed', 'open');
    expect((await incidents()).map(({ job }) => job)).toEqual(['b']);
    await service.run('a', 'failed');
    await incidentOf('a', 'failed', 'open');
  });

  it('counts a timeout, and not a cancelled run', async () => {
    service = await startService();
    const alerts: Alerts = [{ when: 'failed', times: 1, to }];
    await given(
      finishedJob('slow', 'wait', { timeoutSeconds: 0.2, alerts }),
      finishedJob('stopped', 'wait', { alerts }),
    );
    const { id } = await service.run('stopped', 'running');
    await service.call('POST', `/runs/${id}/cancel`);
    await service.reaches(id, 'cancelled');
    await service.run('slow', 'timed_out');
    expect((await incidentOf('slow', 'failed', 'open')).summary).toMatch(/^slow timed out: The attempt took longer/);
    expect(await incidents()).toHaveLength(1);
  });

  it('quotes an error that is cut inside of a character', async () => {
    service = await startService();
    const alerts: Alerts = [{ when: 'failed', times: 1, to }];
    Object.assign(receiver, { status: 500, body: '😀'.repeat(400) });
    // One of the two is cut there, whatever the port.
    for (const name of ['a', 'bb'])
      await given(finishedJob(name, 'http', { input: { url: `${receiver.url}/${name}` }, alerts }));
    for (const name of ['a', 'bb']) {
      await service.run(name, 'failed');
      expect((await incidentOf(name, 'failed', 'open')).summary).toContain('instead of a 2xx: 😀😀');
    }
  });

  it('closes at the next success, and tells so if the job has an alert for that', async () => {
    service = await startService();
    const failed = { when: 'failed', times: 1, to } as const;
    await given(
      fails('a', [failed, { when: 'recovered' }]),
      fails('b', [failed, { when: 'recovered', to: ['other'] }]),
      fails('c', [failed]),
    );
    for (const job of ['a', 'b', 'c']) await service.run(job, 'failed');
    await told('/hook', 1);
    await aMinuteLater();
    for (const job of ['a', 'b', 'c']) await service.run(job, 'succeeded', { attempts: 0 });
    for (const job of ['a', 'b', 'c'])
      expect(await incidentOf(job, 'failed', 'closed')).toMatchObject({ closeReason: 'recovered' });
    const [, recovered] = await told('/hook', 2);
    expect(recovered!.data).toMatchObject({
      title: 'a has recovered',
      opened: { count: 0 },
      closed: { count: 1, incidents: [{ job: 'a' }] },
    });
    const [other] = await told('/other', 1);
    expect(other!.data.title).toBe('b has recovered');
    expect(messages()).toHaveLength(2);
  });
});

describe('the alerts that apply to a job', () => {
  it('are its own, else those of its tags, else those of the service', async () => {
    service = await startService({
      alerts: [{ when: 'failed', to: ['hook'] }],
      tags: { billing: [{ when: 'failed', to: ['other'] }], quiet: [] },
    });
    await given(
      fails('default', null),
      fails('tagged', null, { tags: ['x', 'billing'] }),
      fails('silent-tag', null, { tags: ['quiet'] }),
      fails('silent', []),
      fails('own', [{ when: 'failed', times: 1, to: ['log'] }], { tags: ['billing'] }),
    );
    for (const job of ['silent', 'silent-tag', 'tagged', 'own', 'default']) await service.run(job, 'failed');
    const found = await eventually(async () => {
      const all = await incidents();
      expect(all).toHaveLength(3);
      return all;
    });
    expect(
      Object.fromEntries(found.map(({ job, deliveries }) => [job, deliveries.map(({ channel }) => channel)])),
    ).toEqual({
      default: ['hook'],
      tagged: ['other'],
      own: ['log'],
    });
  });

  it('close what they opened when they are removed, and when the job is deleted, without a message', async () => {
    service = await startService();
    const alerts: Alerts = [{ when: 'failed', times: 1, to }, { when: 'recovered' }];
    await given(fails('a', alerts), fails('b', alerts));
    await service.run('a', 'failed');
    await service.run('b', 'failed');
    await incidentOf('a', 'failed', 'open');
    await incidentOf('b', 'failed', 'open');
    await service.call('PATCH', '/jobs/a', { alerts: [] });
    await service.call('DELETE', '/jobs/b');
    expect((await incidentOf('a', 'failed', 'closed')).closeReason).toBe('alert_removed');
    expect((await incidentOf('b', 'failed', 'closed')).closeReason).toBe('job_deleted');
    for (const { deliveries } of await incidents()) expect(deliveries.map(({ event }) => event)).toEqual(['opened']);
  });

  it('say nothing about what happened before there were any', async () => {
    service = await startService();
    await given(fails('a', null));
    const { id } = await service.run('a', 'failed');
    await sql(`UPDATE cronzimus.runs SET finished_at = finished_at - interval '5 minutes' WHERE id = '${id}'`);
    await service.call('PATCH', '/jobs/a', { alerts: [{ when: 'failed', times: 1, to }] });
    await given(fails('b', [{ when: 'failed', times: 1, to }]));
    await service.run('b', 'failed');
    await incidentOf('b', 'failed', 'open');
    expect(await incidents()).toHaveLength(1);
  });
});

/** Makes jobs due once, at an instant that may have passed. */
const makeDue = (which: string, at: Date) =>
  sql(`UPDATE cronzimus.jobs SET trigger = '{"type":"date","at":"${at.toISOString()}"}', next_occurrence_at = '${at.toISOString()}',
    next_run_at = '${at.toISOString()}' WHERE ${which}`);

const HOUR_AGO = new Date(Date.now() - 3_600_000);
const yearly = { ...EVERY_SECOND, everySeconds: 31_536_000, anchor: '2020-01-01T00:00:00.000Z' };
/** A job whose occurrence of an hour ago was not dispatched yet. */
const overdue = (name: string, alerts: Alerts, written: Partial<Job> = {}) =>
  jobRow(name, {
    task: 'echo',
    input: { text: 'x' },
    trigger: { ...yearly, anchor: HOUR_AGO.toISOString() },
    nextOccurrenceAt: HOUR_AGO,
    nextRunAt: HOUR_AGO,
    createdAt: HOUR_AGO,
    alerts,
    ...written,
  });

it('missed: tells of occurrences that are not caught up, and closes at the next success', async () => {
  service = await startService();
  await given(overdue('a', [{ when: 'missed', to }], { misfire: { policy: 'skip', graceSeconds: 0, maxCatchUp: 1 } }));
  expect((await incidentOf('a', 'missed', 'open')).summary).toBe('a missed an occurrence');
  await service.run('a', 'succeeded');
  await incidentOf('a', 'missed', 'closed');
});

/** Waits until everything that has happened was evaluated: what happens afterwards is. */
async function evaluated(): Promise<void> {
  await given(fails('marker', [{ when: 'failed', times: 1, to: ['log'] }]));
  await service.run('marker', 'failed');
  await incidentOf('marker', 'failed', 'open');
  await service.call('DELETE', '/jobs/marker');
  await incidentOf('marker', 'failed', 'closed');
}

describe('late', () => {
  it('tells of a run that started late, also if it ended before anybody polled', async () => {
    service = await startService();
    await given(overdue('a', [{ when: 'late', seconds: 60, to }]), overdue('b', [{ when: 'late', seconds: 7200, to }]));
    expect((await incidentOf('a', 'late', 'open')).summary).toMatch(/^a is late by \d+ min$/);
    // A manual run is never late, and says nothing about the schedule.
    await service.run('a', 'succeeded');
    await evaluated();
    expect((await incidents('&job=a')).map(({ state }) => state)).toEqual(['open']);
    // A run that starts on time closes it.
    const at = new Date(Date.now() + 1_000).toISOString();
    await service.call('PATCH', '/jobs/a', { trigger: { type: 'date', at } });
    await incidentOf('a', 'late', 'closed');
    expect((await incidents()).filter(({ condition }) => condition === 'late')).toHaveLength(1);
  });

  it('tells once of a run that is still running when a later one was on time', async () => {
    service = await startService();
    await given(overdue('a', [{ when: 'late', seconds: 60, to }], { task: 'wait', input: {}, overlap: 'allow' }));
    await incidentOf('a', 'late', 'open');
    const at = new Date(Date.now() + 1_000).toISOString();
    await service.call('PATCH', '/jobs/a', { trigger: { type: 'date', at } });
    await incidentOf('a', 'late', 'closed');
    expect((await service.get<Page<RunAnswer>>('/runs?job=a&state=running')).items).toHaveLength(2);
    await evaluated();
    expect(await incidents('&job=a')).toHaveLength(1);
  });

  it('tells of a run that waits, and of a job that is not dispatched', async () => {
    service = await startService();
    const alerts: Alerts = [{ when: 'late', seconds: 60, to }];
    await given(
      finishedJob('waits', 'wait', {
        overlap: 'queue',
        alerts,
        misfire: { policy: 'skip', graceSeconds: 7200, maxCatchUp: 1 },
      }),
    );
    await service.run('waits', 'running');
    const soon = new Date(Date.now() + 3_000);
    await given(
      overdue('held-up', [{ when: 'late', seconds: 10, to }], {
        trigger: { type: 'date', at: soon.toISOString() },
        nextOccurrenceAt: soon,
        nextRunAt: soon,
      }),
    );
    const release = await holdLocks(
      service.database,
      `SELECT FROM cronzimus.jobs WHERE name = 'held-up' FOR NO KEY UPDATE`,
    );
    await makeDue(`name = 'waits'`, HOUR_AGO);
    // It may be found before it is dispatched, or as the run that is then held.
    expect((await incidentOf('waits', 'late', 'open')).summary).toMatch(/^waits is late by \d+ min$/);
    expect((await incidentOf('held-up', 'late', 'open')).runs.count).toBe(0);
    await release();
  });
});

describe('tooLong', () => {
  it('tells of a run that is still running, and closes when it ends', async () => {
    service = await startService();
    await given(finishedJob('a', 'wait', { alerts: [{ when: 'tooLong', seconds: 2, to }] }));
    const { id } = await service.run('a', 'running');
    const incident = await incidentOf('a', 'tooLong', 'open');
    expect(incident).toMatchObject({ runs: { first: id, latest: id, count: 1 } });
    await service.call('POST', `/runs/${id}/cancel`);
    await incidentOf('a', 'tooLong', 'closed');
  });

  it('compares with the median of earlier successes', async () => {
    service = await startService();
    const alerts: Alerts = [{ when: 'tooLong', times: 3, to }];
    await given(finishedJob('a', 'echo', { input: { text: 'x' }, alerts }), finishedJob('b', 'wait', { alerts }));
    for (let run = 1; run <= 5; run += 1) await service.run('a', 'succeeded');
    await sql(`UPDATE cronzimus.jobs SET task = 'wait', input = '{}' WHERE name = 'a'`);
    await service.run('a', 'running');
    await service.run('b', 'running');
    expect((await incidentOf('a', 'tooLong', 'open')).summary).toMatch(/^a has been running for .* s; usual are 0 s$/);
    expect(await incidents()).toHaveLength(1);
  });
});

it('tooShort: tells of a success that took less than it should, and closes at a longer one', async () => {
  service = await startService();
  await given(finishedJob('a', 'echo', { input: { text: 'x' }, alerts: [{ when: 'tooShort', seconds: 30, to }] }));
  const { id } = await service.run('a', 'succeeded');
  expect((await incidentOf('a', 'tooShort', 'open')).runs).toEqual({ first: id, latest: id, count: 1 });
  // A run that is read again is counted once.
  await sql('UPDATE cronzimus.incident_checks SET check_at = now()');
  await evaluated();
  expect((await incidentOf('a', 'tooShort', 'open')).runs.count).toBe(1);
  const next = await service.run('a', 'succeeded');
  await sql(`UPDATE cronzimus.runs SET started_at = started_at - interval '1 minute' WHERE id = '${next.id}'`);
  await incidentOf('a', 'tooShort', 'closed');
});

it('noSuccess: tells when no run has succeeded for so long, and not of a pause', async () => {
  service = await startService();
  const alerts: Alerts = [{ when: 'noSuccess', hours: 0.5, to }];
  const active = {
    trigger: yearly,
    nextOccurrenceAt: new Date('2099-01-01'),
    nextRunAt: new Date('2099-01-01'),
    createdAt: HOUR_AGO,
  };
  await given(
    fails('never', alerts, active),
    fails('lately', alerts, { ...active, task: 'echo', input: { text: 'x' } }),
    fails('new', alerts, { ...active, createdAt: new Date() }),
    fails('paused', alerts, { ...active, paused: true }),
  );
  await service.run('lately', 'succeeded');
  expect((await incidentOf('never', 'noSuccess', 'open')).summary).toMatch(
    /^never has had no successful run for \d+ min$/,
  );
  expect(await sql('SELECT count(*)::int AS checks FROM cronzimus.incident_checks WHERE check_at < now()')).toEqual([
    { checks: 0 },
  ]);
  expect((await incidents()).map(({ job }) => job)).toEqual(['never']);
  await service.run('never', 'succeeded', { attempts: 0 });
  await incidentOf('never', 'noSuccess', 'closed');
});

it('skipped: tells when a run outlasts its interval n times in a row, and closes when one starts again', async () => {
  service = await startService();
  await given(
    jobRow('a', {
      task: 'wait',
      trigger: EVERY_SECOND,
      nextOccurrenceAt: new Date(),
      nextRunAt: new Date(),
      alerts: [{ when: 'skipped', times: 3, to }],
    }),
  );
  const incident = await incidentOf('a', 'skipped', 'open');
  expect(incident.summary).toBe('a skipped 3 occurrences in a row, because a run was unfinished');
  // It counts the later ones too.
  await eventually(async () => {
    const open = await incidentOf('a', 'skipped', 'open');
    const skipped = await sql(`SELECT FROM cronzimus.runs WHERE state = 'skipped'`);
    expect(open.runs.count).toBeGreaterThan(2);
    expect(open.runs.count).toBe(skipped.length);
  });
  const [running] = (await service.get<Page<RunAnswer>>('/runs?state=running')).items;
  await service.call('POST', `/runs/${running!.id}/cancel`);
  await incidentOf('a', 'skipped', 'closed');
});

it('prunes alerts that closed before RUN_RETENTION_DAYS, with their messages, and no open ones', async () => {
  service = await startService();
  await service.given(fails('a', ['failed', 'missed', 'skipped'].map((when) => ({ when, times: 1, to })) as Alerts));
  await sql(`INSERT INTO cronzimus.incidents (id, job_id, job, condition, summary, channels, opened_at, closed_at, latest_at, run_count)
    SELECT gen_random_uuid(), id, name, condition, '', '{}', now() - interval '40 days', closed_at, now(), 0 FROM cronzimus.jobs,
      (VALUES ('failed', now() - interval '31 days'), ('missed', now() - interval '29 days'), ('skipped', NULL)) AS c (condition, closed_at)
    WHERE name = 'a'`);
  await sql(`INSERT INTO cronzimus.incident_messages (incident_id, channel, event, created_at, sent_at)
    SELECT id, 'hook', 'opened', opened_at, opened_at FROM cronzimus.incidents`);
  await sql(`SELECT pg_notify('cronzimus_cronzimus', 'jobs')`);
  await eventually(async () =>
    expect((await incidents()).map(({ condition }) => condition).toSorted()).toEqual(['missed', 'skipped']),
  );
  expect(await sql('SELECT count(*)::int AS messages FROM cronzimus.incident_messages')).toEqual([{ messages: 2 }]);
});

describe('messages', () => {
  const alerts: Alerts = [{ when: 'failed', times: 1, to }, { when: 'recovered' }];

  it('are one for a storm of a thousand failing jobs, and one for its end', async () => {
    service = await startService();
    const names = Array.from({ length: 1_000 }, (_, index) => `job-${index}`);
    await given(...names.map((name) => fails(name, alerts)), fails('wakes', alerts));
    await makeDue(`name <> 'wakes'`, new Date());
    await service.run('wakes', 'failed');
    const [storm] = await told('/hook', 1);
    await eventually(async () => expect(await incidents('&state=open')).toHaveLength(500));
    expect(await sql('SELECT count(*)::int AS open FROM cronzimus.incidents WHERE closed_at IS NULL')).toEqual([
      { open: 1_001 },
    ]);
    expect(storm!.data).toMatchObject({ title: '1,001 alerts', opened: { count: 1_001 }, closed: { count: 0 } });
    expect(storm!.data.opened.incidents).toHaveLength(20);
    await aMinuteLater();
    await sql(`UPDATE cronzimus.jobs SET input = '{"attempts":0}'`);
    await makeDue(`name LIKE 'job-%'`, new Date());
    const [, end] = await told('/hook', 2);
    expect(end!.data).toMatchObject({ title: '1,000 recovered', closed: { count: 1_000 } });
    expect(messages()).toHaveLength(2);
  });

  it('come at most once a minute in a channel', async () => {
    service = await startService();
    await given(fails('a', alerts), fails('b', alerts), fails('c', alerts));
    await service.run('a', 'failed');
    await told('/hook', 1);
    await service.run('b', 'failed');
    await incidentOf('b', 'failed', 'open');
    // As if it had waited longer than a first message would.
    await sql(`UPDATE cronzimus.incident_messages SET created_at = created_at - interval '30 s' WHERE sent_at IS NULL`);
    await service.run('c', 'failed');
    await incidentOf('c', 'failed', 'open');
    expect(messages()).toHaveLength(1);
    await aMinuteLater();
    const [, second] = await told('/hook', 2);
    expect(second!.data.opened.incidents.map(({ job }) => job).toSorted()).toEqual(['b', 'c']);
  });

  it('reach a receiver that was away, with the same id in each attempt', async () => {
    service = await startService();
    receiver.status = 503;
    await given(fails('a', alerts));
    await service.run('a', 'failed');
    await told('/hook', 2);
    receiver.status = 200;
    await told('/hook', 3);
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    await eventually(async () => expect((await incidents())[0]!.deliveries).toMatchObject([{ state: 'succeeded' }]));
  });

  it('about deliveries that fail are not sent', async () => {
    service = await startService({ alerts: [{ when: 'failed', to: ['hook'] }] });
    receiver.status = 500;
    expect((await service.call('POST', '/channels/hook/test')).body['state']).toBe('failed');
    await given(fails('a', null));
    await service.run('a', 'failed');
    await incidentOf('a', 'failed', 'open');
    expect((await incidents()).map(({ job }) => job)).toEqual(['a']);
  });

  it('at PagerDuty are one alert for incidents that open together, which is resolved with the last of them', async () => {
    service = await startService();
    const pager: Alerts = [{ when: 'failed', times: 1, to: ['pager'] }];
    await given(fails('a', pager), fails('b', pager));
    await service.run('a', 'failed');
    await service.run('b', 'failed');
    await eventually(() => expect(events()).toHaveLength(1));
    const [trigger] = events();
    const ids = (await incidents()).map(({ id }) => id).toSorted();
    expect(trigger).toMatchObject({ event_action: 'trigger', dedup_key: ids[0], payload: { summary: '2 alerts' } });
    await service.run('a', 'succeeded', { attempts: 0 });
    await incidentOf('a', 'failed', 'closed');
    await aMinuteLater();
    await eventually(async () =>
      expect((await incidentOf('a', 'failed', 'closed')).deliveries).toMatchObject([
        { state: 'succeeded' },
        { state: 'none' },
      ]),
    );
    await service.call('DELETE', '/jobs/b');
    await incidentOf('b', 'failed', 'closed');
    await aMinuteLater();
    await eventually(() => expect(events()).toHaveLength(2));
    expect(events()[1]).toEqual({ routing_key: 'R', event_action: 'resolve', dedup_key: ids[0] });
  });
});

describe('the API', () => {
  const alerts: Alerts = [{ when: 'failed', times: 1, to }, { when: 'recovered' }];

  it('acknowledges an open alert, and notes who did', async () => {
    service = await startService();
    await given(fails('a', alerts));
    await service.run('a', 'failed');
    const { id } = await incidentOf('a', 'failed', 'open');
    const { status, body } = await service.call('POST', `/alerts/${id}/acknowledge`);
    expect([status, body['acknowledgedBy']]).toEqual([200, 'anonymous']);
    const again = await service.call('POST', `/alerts/${id}/acknowledge`);
    expect(again.body['acknowledgedAt']).toBe(body['acknowledgedAt']);
    await service.run('a', 'succeeded', { attempts: 0 });
    await incidentOf('a', 'failed', 'closed');
    expect((await service.call('POST', `/alerts/${id}/acknowledge`)).body['code']).toBe('ALERT_CLOSED');
    const audit = (
      await service.get<Page<{ action: string; target: string; job: string }>>('/audit?action=alert.acknowledge')
    ).items;
    expect(audit).toMatchObject([
      { target: id, job: 'a' },
      { target: id, job: 'a' },
    ]);
  });

  it('mutes an alert: its message waits until then, and there is none if it is over by then', async () => {
    service = await startService();
    await given(fails('a', alerts), fails('b', alerts));
    await service.run('a', 'failed');
    await service.run('b', 'failed');
    const [a, b] = [await incidentOf('a', 'failed', 'open'), await incidentOf('b', 'failed', 'open')];
    const until = new Date(Date.now() + 3_600_000).toISOString();
    for (const { id } of [a, b]) expect((await service.call('POST', `/alerts/${id}/mute`, { until })).status).toBe(200);
    await service.run('a', 'succeeded', { attempts: 0 });
    await incidentOf('a', 'failed', 'closed');
    // It opens again, still muted.
    await service.run('a', 'failed');
    expect((await incidentOf('a', 'failed', 'open')).mutedUntil).toBe(until);
    await sql(`UPDATE cronzimus.incident_messages SET created_at = created_at - interval '1 minute'`);
    await given(fails('c', [{ when: 'failed', times: 1, to: ['other'] }]));
    await service.run('c', 'failed');
    await told('/other', 1);
    expect(messages()).toEqual([]);
    // The mute of `b` ends, and the one of the alert of `a` that has closed.
    await sql(`UPDATE cronzimus.incidents SET muted_until = now() WHERE job = 'b' OR closed_at IS NOT NULL`);
    const [message] = await told('/hook', 1);
    expect(message!.data.opened.incidents.map(({ id }) => id)).toEqual([b.id]);
    expect(message!.data.closed.count).toBe(0);
  });

  it('refuses a mute in the past and an alert that does not exist', async () => {
    service = await startService();
    await given(fails('a', alerts));
    await service.run('a', 'failed');
    const { id } = await incidentOf('a', 'failed', 'open');
    const past = await service.call('POST', `/alerts/${id}/mute`, { until: '2020-01-01T00:00:00Z' });
    expect([past.status, past.body['code']]).toEqual([422, 'MUTE_IN_PAST']);
    const unknown = await service.call('POST', '/alerts/01990000-0000-7000-8000-000000000000/acknowledge');
    expect([unknown.status, unknown.body['code']]).toEqual([404, 'ALERT_NOT_FOUND']);
  });

  it('lists pages, by state and by job', async () => {
    service = await startService();
    await given(...['a', 'b', 'c'].map((name) => fails(name, alerts)));
    for (const name of ['a', 'b', 'c']) await service.run(name, 'failed');
    await eventually(async () => expect(await incidents()).toHaveLength(3));
    await service.run('b', 'succeeded', { attempts: 0 });
    await incidentOf('b', 'failed', 'closed');
    const open = await service.allPages<Incident>('/alerts?state=open&limit=1');
    expect(open.map(({ job }) => job).toSorted()).toEqual(['a', 'c']);
    expect((await incidents('&state=closed')).map(({ job }) => job)).toEqual(['b']);
  });
});

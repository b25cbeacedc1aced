import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { holdLocks } from './support/hold-locks.js';
import { kill } from './support/kill.js';
import { isReady, type MainProcess, startMain } from './support/main-process.js';
import { startReceiver, type Receiver } from './support/receiver.js';
import { runSql } from './support/run-sql.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

let database: TestDatabase;
/** Receives messages. */
let hook: Receiver;
/** What the job requests. */
let target: Receiver;
let variables: Record<string, string>;
const processes: MainProcess[] = [];
beforeEach(async () => {
  database = await createTestDatabase();
  [hook, target] = [await startReceiver(), await startReceiver()];
  const folder = await mkdtemp(join(process.env['TEST_SCRATCH']!, 'alerts-kills-'));
  const channels = { hook: { type: 'webhook', url: `${hook.url}/hook`, secret: SECRET } };
  await writeFile(join(folder, 'channels.yaml'), JSON.stringify({ channels }));
  variables = { DATABASE_URL: database.url, CHANNELS_FILE: join(folder, 'channels.yaml'), LOG_LEVEL: 'warn' };
});
afterEach(async () => {
  for (const { child } of processes.splice(0)) await kill(child, 'SIGKILL');
  await database.drop();
  await Promise.all([hook.close(), target.close()]);
});

async function startReplica(): Promise<MainProcess> {
  const replica = await startMain(variables, process.env['TEST_SCRATCH']!);
  processes.push(replica);
  await isReady(replica);
  return replica;
}
const sql = (statement: string) => runSql(database.url, statement);
async function call({ url }: MainProcess, method: string, path: string, body: object = {}): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`${url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(await response.text());
}
const job = () => ({
  task: 'http',
  input: { url: target.url },
  trigger: { type: 'interval', everySeconds: 86_400 },
  alerts: [{ when: 'failed', to: ['hook'] }, { when: 'recovered' }],
});
const some = (statement: string) =>
  eventually(async () => {
    const rows = await sql(statement);
    if (rows.length === 0) throw new Error(`no rows: ${statement}`);
    return rows;
  });
const evaluatorWaits = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
  AND query LIKE '%INSERT INTO incidents%'`;

it('a failure is reported, with one alert that opens and closes once, whichever step the replicas die at', async () => {
  // Before the commit of the evaluation: it has marked the end of the run as read, and waits to write the incident.
  const first = await startReplica();
  await call(first, 'PUT', '/jobs/a', job());
  const release = await holdLocks(database.url, 'LOCK cronzimus.incidents IN SHARE MODE');
  target.status = 500;
  await call(first, 'POST', '/jobs/a/run');
  await some(evaluatorWaits);
  await kill(first.child, 'SIGKILL');
  await release();
  expect(await sql('SELECT FROM cronzimus.incidents')).toEqual([]);

  // After the commit, while the message waits.
  const second = await startReplica();
  await some('SELECT FROM cronzimus.incident_messages WHERE sent_at IS NULL');
  await kill(second.child, 'SIGKILL');
  expect(hook.requests).toEqual([]);

  // While the receiver has the message and does not respond.
  hook.silent = true;
  const third = await startReplica();
  await eventually(() => expect(hook.requests).toHaveLength(1));
  await kill(third.child, 'SIGKILL');
  hook.silent = false;

  const fourth = await startReplica();
  await eventually(() => expect(hook.requests.length).toBeGreaterThan(1));
  await some(`SELECT FROM cronzimus.runs WHERE job = 'alerts.deliver' AND state = 'succeeded'`);
  const ids = () => new Set(hook.requests.map(({ headers }) => headers['webhook-id']));
  expect(ids().size).toBe(1);

  // The end, with a kill before the commit that closes the incident.
  const closing = await holdLocks(database.url, 'LOCK cronzimus.incident_messages IN SHARE MODE');
  target.status = 200;
  await call(fourth, 'POST', '/jobs/a/run');
  await some(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    AND query LIKE '%incident_messages%'`);
  await kill(fourth.child, 'SIGKILL');
  await closing();
  await sql(`UPDATE cronzimus.incident_messages SET sent_at = sent_at - interval '1 minute'`);
  await startReplica();
  await some(`SELECT FROM cronzimus.incidents WHERE closed_at IS NOT NULL AND close_reason = 'recovered'`);
  await eventually(() => expect(ids().size).toBe(2));
  expect(await sql('SELECT count(*)::int AS incidents FROM cronzimus.incidents')).toEqual([{ incidents: 1 }]);
  expect(await sql('SELECT count(*)::int AS messages FROM cronzimus.incident_messages')).toEqual([{ messages: 2 }]);
  expect(await sql(`SELECT count(*)::int AS runs FROM cronzimus.runs WHERE job = 'alerts.deliver'`)).toEqual([
    { runs: 2 },
  ]);
});

it('two replicas open and close one alert, and send one message', async () => {
  const [one, other] = await Promise.all([startReplica(), startReplica()]);
  await call(one, 'PUT', '/jobs/a', job());
  target.status = 500;
  await call(other, 'POST', '/jobs/a/run');
  await eventually(() => expect(hook.requests).toHaveLength(1));
  await sql(`UPDATE cronzimus.incident_messages SET sent_at = sent_at - interval '1 minute'`);
  target.status = 200;
  await call(other, 'POST', '/jobs/a/run');
  await eventually(() => expect(hook.requests).toHaveLength(2));
  expect(await sql('SELECT count(*)::int AS incidents FROM cronzimus.incidents')).toEqual([{ incidents: 1 }]);
  expect(hook.bodies<{ data: { title: string } }>().map(({ data }) => data.title)).toEqual([
    expect.stringMatching(/^a failed/),
    'a has recovered',
  ]);
});

it('an alert that was removed from the channels file closes after the restart, and PagerDuty is notified', async () => {
  const pager = { type: 'pagerduty', routingKey: 'R', url: `${hook.url}/pager` };
  const write = (alerts: object[]) =>
    writeFile(variables['CHANNELS_FILE']!, JSON.stringify({ channels: { pager }, alerts }));
  await write([{ when: 'failed', to: ['pager'] }]);
  const first = await startReplica();
  target.status = 500;
  await call(first, 'PUT', '/jobs/a', { ...job(), alerts: null });
  await call(first, 'POST', '/jobs/a/run');
  await some(`SELECT FROM cronzimus.runs WHERE job = 'alerts.deliver' AND state = 'succeeded'`);
  await kill(first.child, 'SIGKILL');
  await write([]);
  await sql(`UPDATE cronzimus.incident_messages SET sent_at = sent_at - interval '1 minute'`);
  await startReplica();
  await some(`SELECT FROM cronzimus.incidents WHERE close_reason = 'alert_removed'`);
  await eventually(() => expect(hook.requests).toHaveLength(2));
  const [trigger, resolve] = hook.bodies<{ event_action: string; dedup_key: string }>();
  expect(resolve).toMatchObject({ event_action: 'resolve', dedup_key: trigger!.dedup_key });
});

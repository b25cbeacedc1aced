import { OutgoingHeartbeat } from '../src/alerts/outgoing-heartbeat.js';
import { DispatchLoop } from '../src/jobs/dispatch/dispatch-loop.js';
import { eventually } from './support/eventually.js';
import { holdLocks } from './support/hold-locks.js';
import { jobRow } from './support/jobs.js';
import { runSql } from './support/run-sql.js';
import { startReceiver, type Receiver } from './support/receiver.js';
import { scrape } from './support/scrape.js';
import { finishedJob, TestService } from './support/service.js';

let receiver: Receiver;
let service: TestService;
beforeEach(async () => {
  receiver = await startReceiver();
  service = await TestService.start({ HEARTBEAT_URL: `${receiver.url}/beat/0123456789`, WORKER_CONCURRENCY: '1' });
});
afterEach(async () => {
  await service.stop();
  await receiver.close();
});

const heartbeat = () => service.app.get(OutgoingHeartbeat, { strict: false });
const beats = (count: number) => eventually(() => expect(receiver.requests).toHaveLength(count));
const failures = async () => (await scrape(service.url)).get('cronzimus_heartbeat_failures_total')!.samples[0]!.value;
/** Makes another turn, and waits until it has ended. */
async function turn(): Promise<void> {
  const { loop } = heartbeat();
  const before = loop.lastTurnAt;
  loop.wake();
  await eventually(() => {
    if (loop.lastTurnAt === before) throw new Error('no turn has ended');
  });
}

it('requests the URL soon after the start, and at each turn', async () => {
  await beats(1);
  expect(receiver.requests[0]).toMatchObject({ method: 'GET', path: '/beat/0123456789' });
  await turn();
  await beats(2);
});

it('is held back while dispatching stands still', async () => {
  await beats(1);
  // As if no turn had ended for 20 s.
  Object.defineProperty(service.app.get(DispatchLoop, { strict: false }).loop, 'lastTurnAt', {
    get: () => Date.now() - 20_000,
    set: () => {},
  });
  await turn();
  expect(receiver.requests).toHaveLength(1);
});

it('is held back while a job is overdue', async () => {
  await beats(1);
  const at = new Date(Date.now() + 2_000);
  await service.given(
    jobRow('stuck', {
      task: 'wait',
      trigger: { type: 'date', at: at.toISOString() },
      nextOccurrenceAt: at,
      nextRunAt: at,
    }),
  );
  const release = await holdLocks(
    service.database,
    `SELECT FROM cronzimus.jobs WHERE name = 'stuck' FOR NO KEY UPDATE`,
  );
  await eventually(() => {
    if (Date.now() < at.getTime() + 17_000) throw new Error('not overdue yet');
  });
  await turn();
  expect(receiver.requests).toHaveLength(1);
  await release();
  await eventually(async () => expect((await service.get('/jobs/stuck'))['state']).toBe('finished'));
  await turn();
  await beats(2);
});

it('is held back while a message about an alert waits for a worker, but not for a pause', async () => {
  await beats(1);
  await service.given(finishedJob('hangs', 'wait'));
  const { id } = await service.run('hangs', 'running');
  const tested = service.call('POST', '/channels/log/test');
  await eventually(async () =>
    expect(
      await runSql(
        service.database,
        `UPDATE cronzimus.run_queue SET ready_at = ready_at - interval '2 minutes' WHERE task = 'deliver-alert' RETURNING 1`,
      ),
    ).toHaveLength(1),
  );
  await turn();
  expect(receiver.requests).toHaveLength(1);
  await service.call('POST', '/scheduler/pause');
  await turn();
  await beats(2);
  await service.call('POST', '/scheduler/resume');
  await service.call('POST', `/runs/${id}/cancel`);
  expect((await tested).body['state']).toBe('succeeded');
  await turn();
  await beats(3);
});

it('counts a request that fails, and goes on', async () => {
  await beats(1);
  receiver.status = 500;
  await turn();
  await eventually(async () => expect(await failures()).toBe(1));
  receiver.status = 200;
  await turn();
  await beats(3);
  expect(await failures()).toBe(1);
});

it('is not sent any more once the service stops', async () => {
  await beats(1);
  await heartbeat().stop();
  heartbeat().loop.wake();
  expect(heartbeat().loop.lastTurnAt).toBeNull();
  expect(receiver.requests).toHaveLength(1);
});

// Point 3: what a viewer may compute is bounded in sum, and jobs stay on time meanwhile.
import { here as clients } from './support/clients.mjs';
import { countsAsText } from './support/numbers.mjs';
import { until } from './support/until.mjs';

/** Its occurrences are years apart: a Sunday that is the last day of March. */
const trigger = { type: 'cron', expression: '30 2 L 3 +SUN', timeZone: 'Europe/Berlin' };
const preview = JSON.stringify({ trigger, count: 1000 });
const path = '/api/v1/triggers/preview';
const STORED_RUNS = 600;

/** Many viewers ask for one preview each, at the same time. */
const flood = (id, hangUp) => ({
  id,
  sent: `1300 × POST ${path}, ${trigger.expression}, count 1000${hangUp ? ', hanging up at once' : ''}`,
  onTime: true,
  async run(service) {
    const request = { method: 'POST', paths: [path], body: preview, keys: [service.keys.viewer], hangUp };
    const { answers } = await service.attack(clients, 'sendRequests', {
      count: 1300,
      requests: 1,
      seconds: 20,
      ...request,
    });
    return { answers: countsAsText(answers) };
  },
});

/** Viewers, each with a key of its own, ask again and again. */
const viewers = (count, { name, what, request, prepare }) => ({
  id: `3c-${name}-${count}`,
  sent: `${count} viewers, ${what}, as fast as they can`,
  onTime: true,
  prepare,
  async run(service) {
    const { answers } = await service.attack(clients, 'sendRequests', {
      count,
      seconds: 5,
      keys: service.keys.viewers,
      ...request,
    });
    const faults = answers[200] ? [] : ['no viewer was served'];
    return { answers: countsAsText(answers), faults };
  },
});

async function createHostileJob(service) {
  await service.mustApi('PUT', '/api/v1/jobs/hostile', { body: { task: 'table-sizes', trigger } });
}

/** Stores enough runs for the largest page. */
async function storeRuns(service) {
  const to = new Date();
  const from = new Date(to.getTime() - STORED_RUNS * 1000);
  const body = { from: from.toISOString(), to: to.toISOString() };
  await service.mustApi('POST', '/api/v1/jobs/one-second-0/backfill', { body });
  await until(20, async () => {
    const { items } = await service.mustApi('GET', '/api/v1/runs?state=pending&limit=1');
    return items.length === 0;
  });
}

const kinds = [
  { name: 'preview', what: `POST ${path}`, request: { method: 'POST', paths: [path], body: preview } },
  {
    name: 'upcoming',
    what: 'GET /jobs/hostile/upcoming?count=1000',
    request: { paths: ['/api/v1/jobs/hostile/upcoming?count=1000'] },
    prepare: createHostileJob,
  },
  { name: 'runs', what: 'GET /runs?limit=500', request: { paths: ['/api/v1/runs?limit=500'] }, prepare: storeRuns },
];

export const attacks = [
  flood('3a', false),
  flood('3b', true),
  ...kinds.flatMap((kind) => [50, 200].map((count) => viewers(count, kind))),
];

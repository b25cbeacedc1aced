import { until } from './until.mjs';

const UNFINISHED = new Set(['pending', 'running', 'retrying']);

/** Creates a job that only runs on request. */
export async function createJob(service, name, { task, input, timeoutSeconds }) {
  const trigger = { type: 'date', at: '2100-01-01T00:00:00Z' };
  await service.mustApi('PUT', `/api/v1/jobs/${name}`, {
    body: { task, input, timeoutSeconds, overlap: 'allow', trigger },
  });
}

/** Queues runs of a job, and returns their ids. */
export async function runJob(service, name, times = 1) {
  const runs = Array.from({ length: times }, () => service.mustApi('POST', `/api/v1/jobs/${name}/run`));
  return (await Promise.all(runs)).map(({ id }) => id);
}

/** Waits until the runs have finished, at most `seconds`. Returns how many have which state. Ends early when the service does. */
export async function finishedStates(service, ids, seconds) {
  let states;
  await until(seconds, async () => {
    const rows = await service.sql('SELECT state FROM cronzimus.runs WHERE id = ANY($1)', [ids]);
    states = rows.map(({ state }) => state);
    return service.death !== undefined || states.every((state) => !UNFINISHED.has(state));
  });
  const counts = {};
  for (const state of states) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

export const unfinished = (counts) =>
  Object.entries(counts).reduce((sum, [state, count]) => sum + (UNFINISHED.has(state) ? count : 0), 0);

/** What a hostile task left behind: slots that its runs still hold although they have ended, or a worker that starts nothing. */
export async function slotFaults(service, url) {
  if (service.death !== undefined) return [];
  const metrics = await service.api('GET', '/metrics');
  const abandoned = Number(/^cronzimus_attempts_abandoned(?:\{\})? (\d+)/m.exec(metrics.body)?.[1] ?? 0);
  const faults = abandoned > 0 ? [`${abandoned} slots did not return`] : [];
  await createJob(service, 'another', { task: 'http', input: { url }, timeoutSeconds: 3 });
  const counts = await finishedStates(service, await runJob(service, 'another'), 5);
  if (!counts.succeeded) faults.push('another run did not succeed within 5 s');
  return faults;
}

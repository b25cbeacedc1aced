// Creates a job that is due once, checks that it runs once, and deletes it. Its variables are URL (of the service), KEY (an API
// key, or none), TASK (what the job runs) and SECONDS (the timeout).
import { setTimeout as pause } from 'node:timers/promises';

const { URL: url, KEY: key, TASK: task, SECONDS: seconds } = process.env;
const api = `${url}/api/v1`;
const name = `helm-test.${Date.now().toString(36)}`;
const until = Date.now() + Number(seconds) * 1000;
const DUE_MS = 3_000;
const SECOND_RUN_WAIT_MS = 5_000;

async function request(method, path, body) {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: {
      'X-Cronzimus-Request': '1',
      ...(key && { Authorization: `Bearer ${key}` }),
      ...(body && { 'Content-Type': 'application/json' }),
    },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} returned ${response.status}: ${text}`);
  return { date: Date.parse(response.headers.get('date')), body: text === '' ? null : JSON.parse(text) };
}

/** Polls until `find` returns something. Throws after the timeout, with the last error of `find` as the cause. */
async function waitFor(what, find) {
  for (let last; ; await pause(500)) {
    try {
      const found = await find();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until) throw new Error(`not seen within ${seconds} s: ${what}`, { cause: last });
  }
}

const runs = async () => (await request('GET', `/runs?job=${name}`)).body.items;

// The time comes from the service, because the clock of this pod may be wrong.
const { date } = await waitFor('a response of the API', () => request('GET', '/scheduler'));
const at = new Date(date + DUE_MS).toISOString();
await request('PUT', `/jobs/${name}`, { task, description: 'Created by helm test', trigger: { type: 'date', at } });
try {
  const run = await waitFor(`a finished run of ${name}`, async () =>
    (await runs()).find(({ finishedAt }) => finishedAt !== null),
  );
  if (run.state !== 'succeeded') throw new Error(`the run ended as ${run.state}: ${JSON.stringify(run)}`);
  if (run.kind !== 'schedule' || run.scheduledAt !== at)
    throw new Error(`the run is not the scheduled run for ${at}: ${JSON.stringify(run)}`);
  await pause(SECOND_RUN_WAIT_MS);
  const all = await runs();
  if (all.length !== 1 || all[0].attempt !== 1)
    throw new Error(`the job did not run exactly once: ${JSON.stringify(all)}`);
  console.log(`the occurrence at ${at} ran once, ${run.latenessMs} ms late, on ${run.replica}`);
} finally {
  await request('DELETE', `/jobs/${name}`);
}

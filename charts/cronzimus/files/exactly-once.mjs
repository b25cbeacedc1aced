// Makes a job that is due once, sees that it runs once, and deletes it. URL, KEY, TASK and SECONDS say how.
import { setTimeout as pause } from 'node:timers/promises';

const { URL: url, KEY: key, TASK: task, SECONDS: seconds } = process.env;
const api = `${url}/api/v1`;
const name = `helm-test.${Date.now().toString(36)}`;
const until = Date.now() + Number(seconds) * 1000;
const DUE_MS = 3_000;
const A_WHILE_MS = 5_000;

async function ask(method, path, body) {
  const answer = await fetch(`${api}${path}`, {
    method,
    headers: { ...(key && { Authorization: `Bearer ${key}` }), ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return { date: Date.parse(answer.headers.get('date')), body: text === '' ? null : JSON.parse(text) };
}

async function patiently(what, look) {
  for (let last; ; await pause(500)) {
    try {
      const found = await look();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until) throw new Error(`not seen within ${seconds} s: ${what}`, { cause: last });
  }
}

const runs = async () => (await ask('GET', `/runs?job=${name}`)).body.items;

// By the clock of the other side, whatever the one of this pod says.
const { date } = await patiently('an answer of the API', () => ask('GET', '/scheduler'));
const at = new Date(date + DUE_MS).toISOString();
await ask('PUT', `/jobs/${name}`, { task, description: 'Made by helm test', trigger: { type: 'date', at } });
try {
  const run = await patiently(`a run of ${name} that has ended`, async () =>
    (await runs()).find(({ finishedAt }) => finishedAt !== null),
  );
  if (run.state !== 'succeeded') throw new Error(`the run ended ${run.state}: ${JSON.stringify(run)}`);
  if (run.kind !== 'schedule' || run.scheduledAt !== at)
    throw new Error(`not the run for ${at}: ${JSON.stringify(run)}`);
  await pause(A_WHILE_MS);
  const all = await runs();
  if (all.length !== 1 || all[0].attempt !== 1) throw new Error(`it did not run once: ${JSON.stringify(all)}`);
  console.log(`the occurrence at ${at} ran once, ${run.latenessMs} ms late, on ${run.replica}`);
} finally {
  await ask('DELETE', `/jobs/${name}`);
}

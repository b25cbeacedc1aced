import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from './numbers.mjs';
import { until } from './until.mjs';

const JOBS = 20;
const NAME = 'one-second-';
const MAX_WAIT_SECONDS = 3;

/** Starts the server that the jobs call. */
export async function startTarget() {
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() };
}

/** Creates jobs that run each second, spread evenly over it. */
export async function createOneSecondJobs(service, url) {
  const anchor = Math.ceil(Date.now() / 1000) * 1000;
  const job = (nth) => ({
    task: 'http',
    input: { url },
    overlap: 'allow',
    timeoutSeconds: 5,
    trigger: { type: 'interval', everySeconds: 1, anchor: new Date(anchor + (nth * 1000) / JOBS).toISOString() },
  });
  const jobs = Object.fromEntries(Array.from({ length: JOBS }, (_, nth) => [`${NAME}${nth}`, job(nth)]));
  await service.mustApi('POST', '/api/v1/jobs-file', { body: { jobs } });
  // The first second contains the creation itself.
  await delay(1_500);
}

/** The lateness in milliseconds of every occurrence that was due from `from` to `to`. One that has not started is counted as late as
 *  it is now. */
export async function latenessBetween(service, from, to) {
  const expected = Math.floor(((to - from) / 1000) * JOBS) - 1;
  let starts = [];
  const read = async () => {
    starts = await service.sql(
      `SELECT extract(epoch FROM started_at - scheduled_at) * 1000 AS late FROM cronzimus.runs
       WHERE job LIKE $1 AND kind IN ('schedule', 'catch_up') AND started_at IS NOT NULL AND scheduled_at BETWEEN $2 AND $3`,
      [`${NAME}%`, from, to],
    );
    return starts.length >= expected || service.death !== undefined;
  };
  await until(MAX_WAIT_SECONDS, read, 200);
  const missing = Math.max(0, expected - starts.length);
  return [...starts.map(({ late }) => Number(late)), ...Array.from({ length: missing }, () => Date.now() - from)];
}

/** The p99 of the lateness while nothing else happens. */
export async function idleLateness(service, seconds) {
  const from = new Date();
  await delay(seconds * 1000);
  return quantile(await latenessBetween(service, from, new Date()), 0.99);
}

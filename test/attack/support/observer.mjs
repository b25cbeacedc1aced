// Watches a service during an attack, in a process of its own.
import { readFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { inProcess } from './processes.mjs';

const PING_MS = 25;
const NEWCOMER_MS = 200;
const MAX_WAIT_MS = 2_000;
const MEMORY_MS = 50;

/** Starts to watch. `stop()` returns what `watch` has seen. */
export async function startObserver({ port, pid, keys }) {
  const observer = inProcess(import.meta.filename, 'watch', { port, pid, key: keys.operator }, { priority: 0 });
  await observer.ready;
  return observer;
}

/**
 * Returns
 * - `stallMs`: the longest time that GET /health/live took over an open connection
 * - `gapMs`: the longest time in which no newcomer with a right key was served, each on a new connection
 * - `residentMb`: the resident memory at the beginning and at its peak
 */
export async function watch({ port, pid, key }, { signal, ready }) {
  const [stallMs, gapMs, residentMb] = await Promise.all([
    longestStall(port, signal),
    longestGap(port, key, signal),
    memory(pid, signal, ready),
  ]);
  return { stallMs, gapMs, residentMb };
}

async function longestStall(port, signal) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let longest = 0;
  while (!signal.aborted) {
    const begun = performance.now();
    const status = await statusOf({ port, path: '/health/live', agent, signal });
    // A request that is refused at once says nothing about the event loop.
    if (status !== 'refused') longest = Math.max(longest, performance.now() - begun);
    await pause(PING_MS, signal);
  }
  return longest;
}

async function longestGap(port, key, signal) {
  const headers = { authorization: `Bearer ${key}` };
  let longest = 0;
  let served = performance.now();
  while (!signal.aborted) {
    const within = AbortSignal.any([signal, AbortSignal.timeout(MAX_WAIT_MS)]);
    const status = await statusOf({ port, path: '/api/v1/tasks', headers, agent: false, signal: within });
    longest = Math.max(longest, performance.now() - served);
    if (status === 200) served = performance.now();
    await pause(NEWCOMER_MS, signal);
  }
  return longest;
}

async function memory(pid, signal, ready) {
  const first = await residentNow(pid);
  let peak = first;
  ready();
  while (!signal.aborted) {
    peak = Math.max(peak, await residentNow(pid));
    await pause(MEMORY_MS, signal);
  }
  return { first, peak };
}

/** 0 after the process has ended, and on systems without /proc. */
async function residentNow(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

const statusOf = (options) =>
  new Promise((resolve) => {
    get({ host: '127.0.0.1', ...options }, (response) => {
      response.on('close', () => resolve(response.statusCode)).resume();
    }).on('error', (error) => resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'failed'));
  });

const pause = (ms, signal) => delay(ms, undefined, { signal }).catch(() => {});

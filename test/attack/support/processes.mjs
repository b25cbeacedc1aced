import { fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { join } from 'node:path';

const CHILD = join(import.meta.dirname, 'child-process.mjs');
/** Attackers usually run on other machines, so here they yield the processor to the service. */
const LOW_PRIORITY = 10;

const running = new Set();

/**
 * Calls `name(args, { signal, ready })` of a module in a process of its own. `name` is an exported function. Its signal aborts on
 * `stop()`, and after that the function has five seconds to return.
 * - `ready` resolves with what the function passed to `ready()`.
 * - `result` resolves with what the function returned, or undefined if its process had to be killed.
 */
export function inProcess(module, name, args, { priority = LOW_PRIORITY } = {}) {
  const child = fork(CHILD, [module, name], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  running.add(child);
  setPriority(child.pid, priority);
  const ready = Promise.withResolvers();
  const result = Promise.withResolvers();
  // Nobody may wait for one of the two.
  ready.promise.catch(() => {});
  result.promise.catch(() => {});
  child.on('message', (message) => {
    if ('ready' in message) ready.resolve(message.ready);
    if ('value' in message) result.resolve(message.value);
    if ('error' in message) for (const promise of [ready, result]) promise.reject(new Error(message.error));
  });
  child.on('exit', () => {
    running.delete(child);
    ready.reject(new Error(`the process of ${name} has ended`));
    result.resolve(undefined);
  });
  child.send(args);
  const stop = async () => {
    const bound = setTimeout(() => child.kill('SIGKILL'), 5_000);
    if (child.connected) child.send('stop');
    const value = await result.promise;
    clearTimeout(bound);
    child.kill('SIGKILL');
    return value;
  };
  return { ready: ready.promise, result: result.promise, stop };
}

/** Kills all processes of `inProcess` that still run. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL');
}

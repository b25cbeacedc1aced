// Runs one exported function of a module: see `inProcess` in processes.mjs.
import { once } from 'node:events';

const [module, name] = process.argv.slice(2);
const stop = new AbortController();
// A message leaves out what is undefined.
const ready = (value = null) => process.send({ ready: value });
// Without its parent, an attacker must not go on.
process.on('disconnect', () => process.exit());

const [args] = await once(process, 'message');
process.on('message', () => stop.abort());
try {
  const functions = await import(module);
  const value = await functions[name](args, { signal: stop.signal, ready });
  process.send({ value: value ?? null });
} catch (error) {
  process.send({ error: String(error?.stack ?? error) });
}

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ParsedYaml, parseYaml } from './parse-yaml.js';

/** Below it a thread takes longer than the work, about a tenth of a second. */
const LARGE = 100_000;

/** Parses a large text in a thread of its own, since the event loop must not stand still for so long. */
export async function parseApart(text: string, paths: PropertyKey[][] = []): Promise<ParsedYaml> {
  if (text.length < LARGE) return parseYaml(text, paths);
  const thread = new Worker(new URL('./yaml.thread.js', import.meta.url), {
    workerData: { text, paths },
    execArgv: [],
  });
  const [parsed] = (await once(thread, 'message')) as [ParsedYaml];
  return parsed;
}

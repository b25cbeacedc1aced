import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { PinoLogger } from 'nestjs-pino';
import { currentRun } from './run-fields.js';

type Level = 'debug' | 'info' | 'warn' | 'error';

const levels: Record<string, Level> = { debug: 'debug', warn: 'warn', error: 'error', assert: 'error', trace: 'debug' };

/** Writes what tasks print with `console` to the log of the service, with the fields of the run and its secrets masked. What other
 *  code prints goes to stdout and stderr as before. Returns a function that undoes it. */
export function logConsoleOfTasks(logger: PinoLogger): () => void {
  let level: Level = 'info';
  // Synchronous, so that a line is logged in the async context of the task.
  const lines = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      logger[level]({ context: 'console' }, text.replace(/\n$/, ''));
      done();
    },
  });
  const ofTasks = new Console({ stdout: lines, stderr: lines }) as unknown as Record<
    string,
    (...given: unknown[]) => void
  >;
  const all = console as unknown as Record<string, (...given: unknown[]) => void>;
  const originals = Object.entries(all).filter(
    ([name, method]) => typeof method === 'function' && typeof ofTasks[name] === 'function',
  );
  for (const [name, original] of originals)
    all[name] = (...given) => {
      if (!currentRun()) return original(...given);
      level = levels[name] ?? 'info';
      ofTasks[name]!(...given);
    };
  return () => {
    for (const [name, original] of originals) all[name] = original;
  };
}

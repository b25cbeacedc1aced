import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { PinoLogger } from 'nestjs-pino';
import { currentRun } from './run-fields.js';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** Methods with another level than info. */
const LEVELS: Record<string, Level> = { debug: 'debug', warn: 'warn', error: 'error', assert: 'error' };

type Methods = Record<string, (...given: unknown[]) => void>;

/** Writes what tasks print with `console` to the log of the service, with the fields of the run and its secrets masked. What other
 *  code prints goes to stdout and stderr as before. Groups do not indent, because a task may leave one open. Returns a function
 *  that undoes it. */
export function logConsoleOfTasks(logger: PinoLogger): () => void {
  const consoles = {
    debug: consoleAt(logger, 'debug'),
    info: consoleAt(logger, 'info'),
    warn: consoleAt(logger, 'warn'),
    error: consoleAt(logger, 'error'),
  };
  const all = console as unknown as Methods;
  const originals = Object.entries(all).filter(
    ([name, method]) => typeof method === 'function' && typeof consoles.info[name] === 'function',
  );
  for (const [name, original] of originals) {
    const ofTasks = consoles[LEVELS[name] ?? 'info'];
    all[name] = (...given) => (currentRun() ? ofTasks[name]!(...given) : original(...given));
  }
  return () => {
    for (const [name, original] of originals) all[name] = original;
  };
}

/** A console for each level, because what is printed may print something itself, at another level. */
function consoleAt(logger: PinoLogger, level: Level): Methods {
  // Synchronous, so that a line is logged in the async context of the task.
  const lines = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      logger[level]({ context: 'console' }, text.replace(/\n$/, ''));
      done();
    },
  });
  return new Console({ stdout: lines, stderr: lines, groupIndentation: 0 }) as unknown as Methods;
}

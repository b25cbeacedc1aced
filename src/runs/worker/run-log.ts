import { fieldsAsJson, storableText } from '../../core/json.js';
import type { Mask } from '../../core/mask.js';
import type { LogMethod, RunLog } from '../../tasks/run-context.js';

export type LogLevel = keyof RunLog;

export interface LogLine {
  runId: string;
  attempt: number;
  at: Date;
  level: LogLevel;
  message: string;
  /** JSON text. Null if there are none. */
  fields: string | null;
}

/** What a run keeps over all its attempts. */
export const MAX_LINES = 1_000;
export const MAX_BYTES = 262_144;
/** The message of the line that takes the place of the first line beyond these limits. */
export const CUT = `cut here: a run keeps ${MAX_LINES} lines or 256 KiB`;

/** The log of one attempt. Each line goes to the log of the service (`pino`) and to `keep`, both after `mask`. `keep`
 *  gets at most what a whole run keeps, and then one line that says that the log was cut. The limits over all attempts
 *  are applied when the lines are written: see RunLogs. */
export function runLog(
  pino: RunLog,
  run: { id: string; attempt: number },
  mask: Mask,
  now: () => Date,
  keep: (line: LogLine) => void,
): RunLog {
  let lines = 0;
  let bytes = 0;
  let cut = false;

  const add = (level: LogLevel, message: string, fields: string | null) => {
    if (cut) return;
    const size = Buffer.byteLength(message) + Buffer.byteLength(fields ?? '');
    cut = lines >= MAX_LINES || bytes + size > MAX_BYTES;
    lines += 1;
    bytes += size;
    const line = { runId: run.id, attempt: run.attempt, at: now() };
    if (cut) keep({ ...line, level: 'warn', message: CUT, fields: null });
    else keep({ ...line, level, message, fields });
  };

  const method =
    (level: LogLevel): LogMethod =>
    (first: object | string, second?: string) => {
      const message = mask(typeof first === 'string' ? first : (second ?? ''));
      if (typeof first === 'string') {
        pino[level](message);
        add(level, storableText(message), null);
      } else {
        const fields = fieldsAsJson(first, mask);
        // Under a name of their own, so that they do not replace `level`, `time`, `runId` or another field of the service.
        pino[level]({ fields: JSON.parse(fields) as object }, message);
        add(level, storableText(message), fields);
      }
    };

  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}

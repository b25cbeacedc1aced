import { fieldsAsJson, storableText } from '../../core/json.js';
import { unmasked, type Mask } from '../../core/mask.js';
import type { LogMethod, RunLog } from '../../tasks/run-context.js';

export type LogLevel = keyof RunLog;

export interface LogLine {
  runId: string;
  attempt: number;
  at: Date;
  level: LogLevel;
  message: string;
  /** JSON text, or null for none. */
  fields: string | null;
}

export const MOST_LINES = 1_000;
export const MOST_BYTES = 262_144;
export const CUT = `cut here: a run keeps ${MOST_LINES} lines or 256 KiB`;

/** The log of one attempt: each line goes to `pino` as well as to `keep`, up to what a whole run keeps, then one says it was
 *  cut. Both are told what `mask` leaves. */
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
    cut = lines >= MOST_LINES || bytes + size > MOST_BYTES;
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
        pino[level](mask === unmasked ? first : (JSON.parse(fields) as object), message);
        add(level, storableText(message), fields);
      }
    };

  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}

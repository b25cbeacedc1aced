import { storableText } from '../core/json.js';
import type { LogMethod, RunLog } from '../tasks/run-context.js';

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

/** The log of one attempt: each line goes to `pino` as well as to `keep`, up to what a whole run keeps, then one says it was cut. */
export function runLog(
  pino: RunLog,
  run: { id: string; attempt: number },
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
      if (typeof first === 'string') {
        pino[level](first);
        add(level, storableText(first), null);
      } else {
        pino[level](first, second ?? '');
        add(level, storableText(second ?? ''), fieldsAsJson(first));
      }
    };

  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}

/** Never throws: what is no JSON is told as text. */
function fieldsAsJson(fields: object): string {
  try {
    const plain = fields instanceof Error ? { err: fields } : fields;
    return JSON.stringify(plain, (_key, value: unknown) => readable(value));
  } catch {
    return JSON.stringify({ unreadable: 'these fields are no JSON' });
  }
}

function readable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storableText(key), item]));
}

import { fieldsAsJson, storableText } from '../../core/json.js';
import type { Mask } from '../../core/mask.js';
import type { LogMethod, RunLog } from '../../tasks/run-context.js';
import type { AttemptLog, LogLevel } from './attempt-log.js';

/** The log of one attempt. Each line goes to the log of the service (`pino`) and to `lines`, both after `mask`. */
export function runLog(pino: RunLog, lines: AttemptLog, mask: Mask): RunLog {
  const method =
    (level: LogLevel): LogMethod =>
    (first: object | string, second?: string) => {
      const message = mask(typeof first === 'string' ? first : (second ?? ''));
      if (typeof first === 'string') {
        pino[level](message);
        lines.add(level, storableText(message), null);
      } else {
        const fields = fieldsAsJson(first, mask);
        // Under a name of their own, so that they do not replace `level`, `time`, `runId` or another field of the service.
        pino[level]({ fields: JSON.parse(fields) as object }, message);
        lines.add(level, storableText(message), fields);
      }
    };

  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}

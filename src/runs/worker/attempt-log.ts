import { storableText } from '../../core/json.js';
import type { RunLog } from '../../tasks/run-context.js';

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

/** A line on its way to the table. With `cut`, it is the first one of its attempt that is not stored. */
export interface QueuedLine extends LogLine {
  cut: boolean;
}

/** What a run keeps of its first lines, over all its attempts. */
export const MAX_LINES = 1_000;
export const MAX_BYTES = 262_144;
/** What each attempt that goes beyond keeps of its last lines. */
export const MAX_LAST_LINES = 200;
export const MAX_LAST_BYTES = 65_536;
/** Among the last lines, a line with more bytes loses its fields, and its message is cut to as many characters. So even
 *  the largest line fits. */
const MAX_LAST_LINE = 16_384;

const LIMITS = `a run keeps its first ${MAX_LINES} lines or ${MAX_BYTES / 1024} KiB`;
/** The entry in place of the first line that is not stored, until the attempt ends. */
export const CUT = `cut here: ${LIMITS}. The last lines of an attempt are added when it ends`;
/** The entry between the first and the last lines of an attempt. */
export const missingHere = (lines: number): string =>
  `${lines} ${lines === 1 ? 'line is' : 'lines are'} missing here: ${LIMITS}, and the last ${MAX_LAST_LINES} lines or ${MAX_LAST_BYTES / 1024} KiB of an attempt`;

/**
 * The lines of one attempt. They are queued for the table until the attempt alone has more than a whole run keeps. The
 * limits over all attempts are applied when the lines are written, see RunLogs. So the first lines of an attempt may not
 * be stored either, and the last lines are kept here from the beginning.
 */
export class AttemptLog {
  /** How many lines the task has written. */
  written = 0;
  /** The newest lines, the oldest first. */
  last: LogLine[] = [];
  /** True if lines are not stored. */
  cut = false;
  ended = false;
  private bytes = 0;
  private lastBytes = 0;
  private cutQueued = false;

  /** `queue` returns false if it drops the line, because too many are waiting. */
  constructor(
    readonly run: { id: string; attempt: number },
    private readonly queue: (line: QueuedLine) => boolean,
    private readonly now: () => Date = () => new Date(),
  ) {}

  add(level: LogLevel, message: string, fields: string | null): void {
    const line = { runId: this.run.id, attempt: this.run.attempt, at: this.now(), level, message, fields };
    const size = sizeOf(line);
    this.written += 1;
    this.bytes += size;
    this.remember(line, size);
    if (this.cutQueued) return;
    this.cut ||= this.written > MAX_LINES || this.bytes > MAX_BYTES;
    const accepted = this.queue({ ...line, cut: this.cut });
    this.cutQueued = this.cut && accepted;
    // The stored lines stay the first ones without a gap: after a line that was dropped, none is stored.
    this.cut ||= !accepted;
  }

  /** Call this when the attempt has ended. Returns the entry CUT if it has to be stored and could not be queued. */
  end(): QueuedLine | null {
    this.ended = true;
    if (!this.cut || this.cutQueued) return null;
    this.cutQueued = true;
    const at = this.last[0]?.at ?? this.now();
    return { runId: this.run.id, attempt: this.run.attempt, at, level: 'warn', message: CUT, fields: null, cut: true };
  }

  /** Call this when the entry CUT of this attempt is stored. */
  cutStored(): void {
    this.cut = true;
    this.cutQueued = true;
  }

  private remember(line: LogLine, size: number): void {
    const kept = size > MAX_LAST_LINE ? shortened(line) : line;
    this.last.push(kept);
    this.lastBytes += sizeOf(kept);
    while (this.last.length > MAX_LAST_LINES || this.lastBytes > MAX_LAST_BYTES)
      this.lastBytes -= sizeOf(this.last.shift()!);
  }
}

const sizeOf = ({ message, fields }: LogLine): number => Buffer.byteLength(message) + Buffer.byteLength(fields ?? '');

const shortened = (line: LogLine): LogLine => ({
  ...line,
  message: storableText(line.message.slice(0, MAX_LAST_LINE)),
  fields: null,
});

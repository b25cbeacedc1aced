import { AttemptLog, type QueuedLine } from './attempt-log.js';

const run = { id: '01990000-0000-7000-8000-000000000000', attempt: 2 };
const at = new Date('2026-06-01T12:00:00Z');

/** The log of an attempt, and what it queues. The queue accepts lines as long as `accepts` returns true. */
function given(accepts: () => boolean = () => true) {
  const queued: QueuedLine[] = [];
  const log = new AttemptLog(
    run,
    (line) => {
      if (!accepts()) return false;
      queued.push(line);
      return true;
    },
    () => at,
  );
  const write = (count: number, message: (line: number) => string = (line) => `line ${line}`) => {
    for (let line = 1; line <= count; line += 1) log.add('info', message(log.written + 1), null);
  };
  return { log, queued, write };
}

const messages = (lines: { message: string }[]) => lines.map(({ message }) => message);
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);

describe('the log of an attempt', () => {
  it('queues 1,000 lines, and marks the next one as the first that is not stored', () => {
    const { log, queued, write } = given();
    write(1_000);
    expect(messages(queued)).toEqual(lines(1, 1_000));
    expect([log.cut, queued.some(({ cut }) => cut)]).toEqual([false, false]);
    write(10);
    expect([log.cut, log.written]).toEqual([true, 1_010]);
    expect(queued).toHaveLength(1_001);
    expect(queued.at(-1)).toMatchObject({ cut: true, attempt: 2, at });
    expect(log.end()).toBeNull();
  });

  it('queues 256 KiB, and marks the next line', () => {
    const { queued, write } = given();
    write(1, () => 'ü'.repeat(131_072));
    write(2, () => 'x');
    expect(queued.map(({ cut }) => cut)).toEqual([false, true]);
  });

  it('remembers its last 200 lines', () => {
    const { log, write } = given();
    write(3);
    expect(messages(log.last)).toEqual(lines(1, 3));
    write(4_997);
    expect(messages(log.last)).toEqual(lines(4_801, 5_000));
  });

  it('remembers its last 64 KiB', () => {
    const { log, write } = given();
    write(100, (line) => String(line).padEnd(16_384));
    expect(messages(log.last).map(Number)).toEqual([97, 98, 99, 100]);
    write(1, (line) => String(line));
    expect(messages(log.last).map(Number)).toEqual([98, 99, 100, 101]);
  });

  it('remembers a line that is larger than 16 KiB without its fields, and its message cut to 16,384 characters', () => {
    const { log, write } = given();
    write(1);
    log.add('error', 'failed', JSON.stringify({ body: 'x'.repeat(100_000) }));
    log.add('error', `${'y'.repeat(16_383)}\u{1f600}`, null);
    expect(log.last).toMatchObject([
      { message: 'line 1' },
      { level: 'error', message: 'failed', fields: null },
      { level: 'error', message: `${'y'.repeat(16_383)}\ufffd` },
    ]);
  });

  it('stores no line after one that was dropped, and marks it later', () => {
    let full = false;
    const { log, queued, write } = given(() => !full);
    write(2);
    full = true;
    write(3);
    expect([log.cut, queued.length]).toEqual([true, 2]);
    full = false;
    write(5);
    expect(queued.map(({ cut }) => cut)).toEqual([false, false, true]);
    expect(messages(log.last)).toEqual(lines(1, 10));
  });

  it('returns the mark at its end if it could not be queued before', () => {
    let full = false;
    const { log, queued, write } = given(() => !full);
    write(2);
    full = true;
    write(3);
    expect(log.end()).toMatchObject({ runId: run.id, attempt: 2, cut: true });
    expect(queued).toHaveLength(2);
  });

  it('queues nothing after its mark is stored, which happens when earlier attempts have used up the limits', () => {
    const { log, queued, write } = given();
    write(2);
    log.cutStored();
    write(2);
    expect(queued).toHaveLength(2);
    expect([log.cut, log.written, log.end()]).toEqual([true, 4, null]);
  });
});

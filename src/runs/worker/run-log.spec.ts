import { unmasked, type Mask, maskOf } from '../../core/mask.js';
import type { RunLog } from '../../tasks/run-context.js';
import { AttemptLog, type QueuedLine } from './attempt-log.js';
import { runLog } from './run-log.js';

const run = { id: '01990000-0000-7000-8000-000000000000', attempt: 2 };
const at = new Date('2026-06-01T12:00:00Z');

/** The log of an attempt, with what it passes to the service's log (`logged`) and to the table (`kept`). */
function given(mask: Mask = unmasked) {
  const kept: QueuedLine[] = [];
  const logged: unknown[][] = [];
  const record =
    (level: string) =>
    (...rest: unknown[]) =>
      void logged.push([level, ...rest]);
  const service: RunLog = {
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
  };
  const lines = new AttemptLog(
    run,
    (line) => kept.push(line) > 0,
    () => at,
  );
  return { log: runLog(service, lines, mask), kept, logged, lines };
}

/** The fields as the table gets them. */
function fieldsOf(fields: object): unknown {
  const { log, kept } = given();
  log.info(fields, 'line');
  return JSON.parse(kept[0]?.fields ?? 'null');
}

describe('runLog', () => {
  it('passes each line to the table, with its level, attempt and time, and to the log of the service', () => {
    const { log, kept, logged } = given();
    log.debug('one');
    log.info({ a: 1 }, 'two');
    log.warn('three');
    log.error({}, 'four');
    const line = { runId: run.id, attempt: 2, at, cut: false };
    expect(kept).toEqual([
      { ...line, level: 'debug', message: 'one', fields: null },
      { ...line, level: 'info', message: 'two', fields: '{"a":1}' },
      { ...line, level: 'warn', message: 'three', fields: null },
      { ...line, level: 'error', message: 'four', fields: '{}' },
    ]);
    expect(logged).toEqual([
      ['debug', 'one'],
      ['info', { fields: { a: 1 } }, 'two'],
      ['warn', 'three'],
      ['error', { fields: {} }, 'four'],
    ]);
  });

  it('replaces what a row cannot hold in a message', () => {
    const { log, kept } = given();
    log.info('a\0b\ud800');
    expect(kept[0]?.message).toBe('a\ufffdb\ufffd');
  });

  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  it.each<[string, object, unknown]>([
    ['a NUL in a value', { a: ['\0'] }, { a: ['\ufffd'] }],
    ['a NUL in a key', { 'a\0': { '\ud800': 1 } }, { 'a\ufffd': { '\ufffd': 1 } }],
    ['a big integer', { a: 10n }, { a: '10' }],
    ['a Date', { at }, { at: at.toISOString() }],
    [
      'an error',
      { err: new TypeError('boom') },
      { err: { name: 'TypeError', message: 'boom', stack: expect.any(String) } },
    ],
    ['a cycle', cyclic, { unreadable: expect.any(String) }],
  ])('converts fields to what a row can hold: %s', (_case, fields, expected) => {
    expect(fieldsOf(fields)).toEqual(expected);
  });

  it('passes nothing on that the mask removes', () => {
    const { log, kept, logged, lines } = given(maskOf(['hunter22']));
    log.info('with hunter22');
    log.warn({ hunter22: [{ a: 'hunter22!' }], err: new Error('no hunter22') }, 'hunter22');
    log.error(new Error('hunter22'), 'failed');
    expect(JSON.stringify([kept, logged, lines.last])).not.toContain('hunter22');
    expect(logged[0]).toEqual(['info', 'with ***']);
    expect(logged[1]).toEqual([
      'warn',
      { fields: { '***': [{ a: '***!' }], err: expect.objectContaining({ message: 'no ***' }) } },
      '***',
    ]);
  });

  it('accepts an error in place of fields', () => {
    expect(fieldsOf(new RangeError('far'))).toMatchObject({ err: { name: 'RangeError', message: 'far' } });
  });
});

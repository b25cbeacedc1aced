import { unmasked, type Mask, maskOf } from '../../core/mask.js';
import type { RunLog } from '../../tasks/run-context.js';
import { type LogLine, runLog } from './run-log.js';

const run = { id: '01990000-0000-7000-8000-000000000000', attempt: 2 };
const at = new Date('2026-06-01T12:00:00Z');

/** The log of an attempt, with what the service's own log and the table are handed. */
function given(mask: Mask = unmasked) {
  const kept: LogLine[] = [];
  const told: unknown[][] = [];
  const tell =
    (level: string) =>
    (...rest: unknown[]) =>
      void told.push([level, ...rest]);
  const service: RunLog = { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') };
  const log = runLog(
    service,
    run,
    mask,
    () => at,
    (line) => kept.push(line),
  );
  return { log, kept, told };
}

/** What the table is handed for these fields. */
function fieldsOf(fields: object): unknown {
  const { log, kept } = given();
  log.info(fields, 'line');
  return JSON.parse(kept[0]?.fields ?? 'null');
}

describe('the log of a run', () => {
  it('keeps each line with its level, attempt and instant, and tells the service', () => {
    const { log, kept, told } = given();
    log.debug('one');
    log.info({ a: 1 }, 'two');
    log.warn('three');
    log.error({}, 'four');
    const line = { runId: run.id, attempt: 2, at };
    expect(kept).toEqual([
      { ...line, level: 'debug', message: 'one', fields: null },
      { ...line, level: 'info', message: 'two', fields: '{"a":1}' },
      { ...line, level: 'warn', message: 'three', fields: null },
      { ...line, level: 'error', message: 'four', fields: '{}' },
    ]);
    expect(told).toEqual([
      ['debug', 'one'],
      ['info', { a: 1 }, 'two'],
      ['warn', 'three'],
      ['error', {}, 'four'],
    ]);
  });

  it('keeps 1,000 lines, and then one says that it was cut', () => {
    const { log, kept } = given();
    for (let line = 1; line <= 1_000; line += 1) log.info(`line ${line}`);
    expect(kept.map(({ message }) => message)).toEqual(
      Array.from({ length: 1_000 }, (_, index) => `line ${index + 1}`),
    );
    for (let line = 0; line < 10; line += 1) log.info('too many');
    expect(kept).toHaveLength(1_001);
    expect(kept.at(-1)).toMatchObject({ level: 'warn', message: expect.stringContaining('cut here') });
  });

  it('keeps 256 KiB, and then one line says that it was cut', () => {
    const { log, kept, told } = given();
    log.info('ü'.repeat(131_072));
    log.info('x');
    log.info('y');
    expect(kept).toHaveLength(2);
    expect(kept[1]?.message).toContain('cut here');
    expect(told).toHaveLength(3);
  });

  it('makes of a text what a row can hold', () => {
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
    ['a circle', cyclic, { unreadable: expect.any(String) }],
  ])('makes of fields what a row can hold: %s', (_case, fields, expected) => {
    expect(fieldsOf(fields)).toEqual(expected);
  });

  it('tells nobody what the mask takes out', () => {
    const { log, kept, told } = given(maskOf(['hunter22']));
    log.info('with hunter22');
    log.warn({ hunter22: [{ a: 'hunter22!' }], err: new Error('no hunter22') }, 'hunter22');
    log.error(new Error('hunter22'), 'failed');
    expect(JSON.stringify([kept, told])).not.toContain('hunter22');
    expect(told[0]).toEqual(['info', 'with ***']);
    expect(told[1]).toEqual([
      'warn',
      { '***': [{ a: '***!' }], err: expect.objectContaining({ message: 'no ***' }) },
      '***',
    ]);
  });

  it('takes an error for fields', () => {
    expect(fieldsOf(new RangeError('far'))).toMatchObject({ err: { name: 'RangeError', message: 'far' } });
  });
});

import pino from 'pino';
import { mergeFields, runFields, withRunFields } from './run-fields.js';

/** The line that a logger with the options of the service writes. */
function lineOf(log: (logger: pino.Logger) => void): Record<string, unknown> {
  let written = '';
  const logger = pino(
    { mixin: runFields, mixinMergeStrategy: mergeFields },
    { write: (line: string) => (written = line) },
  );
  log(logger);
  return JSON.parse(written) as Record<string, unknown>;
}

const run = { runId: 'r1', job: 'nightly', attempt: 2 };
const forged = { level: 60, time: 1, pid: 1, hostname: 'x', runId: 'r2', job: 'other', attempt: 9, size: 3 };

describe('a line that code of an attempt logs', () => {
  it('never replaces a field of the service', () => {
    const line = lineOf((logger) => withRunFields(run, () => logger.info({ ...forged }, 'text')));
    expect(line).toMatchObject({ ...run, level: 30, pid: process.pid, msg: 'text', size: 3 });
    expect(line['time']).toBeGreaterThan(1);
    expect(line['fields']).toEqual({
      level: 60,
      time: 1,
      pid: 1,
      hostname: 'x',
      runId: 'r2',
      job: 'other',
      attempt: 9,
    });
  });

  it.each<[string, object, object]>([
    ['fields', { fields: { a: 1 } }, { a: 1, level: 5 }],
    ['a text named fields', { fields: 'a' }, { fields: 'a', level: 5 }],
    ['a list named fields', { fields: [1] }, { fields: [1], level: 5 }],
    ['a date named fields', { fields: new Date(0) }, { fields: '1970-01-01T00:00:00.000Z', level: 5 }],
    ['null named fields', { fields: null }, { fields: null, level: 5 }],
  ])('keeps %s of its own next to those that it may not replace', (_what, given, fields) => {
    const line = lineOf((logger) => withRunFields(run, () => logger.info({ level: 5, ...given }, 'text')));
    expect(line).toMatchObject({ ...run, level: 30, fields });
  });

  it('keeps its fields otherwise', () => {
    const line = lineOf((logger) => withRunFields(run, () => logger.warn({ size: 3, err: new Error('boom') }, 'text')));
    expect(line).toMatchObject({ ...run, size: 3, err: { message: 'boom' } });
    expect(line).not.toHaveProperty('fields');
  });
});

it('a line of the service keeps its fields', () => {
  const line = lineOf((logger) => logger.info({ runId: 'r1', job: 'nightly' }, 'run started'));
  expect(line).toMatchObject({ runId: 'r1', job: 'nightly', msg: 'run started' });
});

import { Problem } from '../../core/problem.js';
import { runError, ShutdownError, TaskTimeoutError } from './run-errors.js';

const withFields = (fields: object) => Object.assign(new Error('boom'), fields);
const unreadable = Object.defineProperty(new Error('boom'), 'message', {
  get: () => {
    throw new Error('no');
  },
});

describe('runError', () => {
  it('keeps name, message, code and stack, with the cause below the stack', () => {
    const cause = new RangeError('deep down');
    const error = runError(new Problem(422, 'TOO_FAR', 'far away'));
    expect(error).toEqual({
      name: 'Problem',
      message: 'far away',
      code: 'TOO_FAR',
      stack: expect.stringContaining('run-errors.spec'),
    });
    expect(runError(new Error('boom', { cause })).stack).toMatch(/boom[\s\S]*\ncaused by: RangeError: deep down/);
  });

  it.each<[string, unknown, object]>([
    ['a string', 'boom', { name: 'NonError', message: 'boom' }],
    ['undefined', undefined, { name: 'NonError', message: 'undefined' }],
    ['an object', { a: 1 }, { name: 'NonError', message: '{"a":1}' }],
    ['a big integer', 1n, { name: 'NonError', message: '1n' }],
    [
      'a code that is a number',
      withFields({ code: 42 }),
      { name: 'Error', message: 'boom', stack: expect.any(String) },
    ],
    [
      'a NUL in a message',
      Object.assign(new Error('a\0b'), { stack: 'a\0b' }),
      { name: 'Error', message: 'a\ufffdb', stack: 'a\ufffdb' },
    ],
    ['a name that is no string', withFields({ name: 42, stack: null }), { name: '42', message: 'boom' }],
    [
      'a message that is no string',
      withFields({ message: { a: 1 }, stack: null }),
      { name: 'Error', message: '{"a":1}' },
    ],
    ['an error that cannot be read', unreadable, { name: 'NonError', message: expect.any(String) }],
  ])('converts %s', (_case, thrown, expected) => {
    expect(runError(thrown)).toEqual(expected);
  });

  it('cuts texts that are longer than 16,384 characters', () => {
    const { message, stack } = runError(new Error('x'.repeat(20_000)));
    expect(message).toBe(`${'x'.repeat(16_384)}…`);
    expect(stack).toHaveLength(16_385);
  });

  it.each([
    ['a timeout', new TaskTimeoutError(0.5), 'TIMED_OUT', 'timeoutSeconds: 0.5'],
    ['a shutdown', new ShutdownError(), 'SHUTDOWN', 'SHUTDOWN_GRACE_SECONDS'],
  ])('names the setting that limited the attempt: %s', (_case, thrown, code, setting) => {
    expect(runError(thrown)).toMatchObject({ code, message: expect.stringContaining(setting) });
  });
});

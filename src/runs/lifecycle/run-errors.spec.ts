import { maskOf } from '../../core/mask.js';
import { Problem } from '../../core/problem.js';
import { runError, ShutdownError, TaskTimeoutError } from './run-errors.js';

const withFields = (fields: object) => Object.assign(new Error('boom'), fields);
const unreadable = Object.defineProperty(new Error('boom'), 'message', {
  get: () => {
    throw new Error('no');
  },
});

const cyclic = {};
function throwIt(): never {
  throw new Error('no');
}

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

  it('keeps causes and the errors of an AggregateError, each before its own causes, with secrets masked', () => {
    const refused = Object.assign(new Error('refused for hunter22'), { code: 'ECONNREFUSED' });
    const all = new AggregateError([refused, 'a text with hunter22'], 'no address', { cause: { a: 1 } });
    const { causes, stack } = runError(new Error('boom', { cause: all }), maskOf(['hunter22']));
    expect(causes).toEqual([
      { depth: 1, name: 'AggregateError', message: 'no address' },
      { depth: 2, name: 'NonError', message: '{"a":1}' },
      { depth: 2, name: 'Error', message: 'refused for ***', code: 'ECONNREFUSED' },
      { depth: 2, name: 'NonError', message: 'a text with ***' },
    ]);
    expect(stack).toMatch(/caused by: AggregateError: no address[\s\S]* {2}caused by: Error: refused for \*\*\*/);
  });

  it('keeps each cause once, so that cycles end', () => {
    const first = new Error('first');
    const second = new Error('second', { cause: first });
    first.cause = second;
    expect(runError(first).causes).toEqual([{ depth: 1, name: 'Error', message: 'second' }]);
    const own = new AggregateError([], 'own');
    own.errors.push(own, own);
    expect(runError(own)).not.toHaveProperty('causes');
  });

  it('keeps 20 causes to a depth of 5, with 1,024 characters each', () => {
    let deep: unknown = 'the deepest';
    for (let depth = 9; depth > 0; depth -= 1) deep = new Error(`${depth}`, { cause: deep });
    expect(runError(deep).causes?.map(({ message }) => message)).toEqual(['2', '3', '4', '5', '6']);
    const many = Array.from({ length: 100_000 }, () => new Error('x'.repeat(5_000)));
    const { causes } = runError(new AggregateError(many));
    expect(causes).toHaveLength(20);
    expect(causes![0]!.message).toBe(`${'x'.repeat(1_024)}…`);
  });

  it.each<[string, object]>([
    ['a getter that throws', Object.defineProperty(new Error('boom'), 'cause', { get: throwIt })],
    ['errors that throw', Object.defineProperty(new Error('boom'), 'errors', { get: throwIt })],
    ['a cause of null', new Error('boom', { cause: null })],
  ])('keeps an error with %s', (_case, thrown) => {
    expect(runError(thrown)).toEqual({ name: 'Error', message: 'boom', stack: expect.any(String) });
  });

  it.each<[string, unknown, string]>([
    ['whose message throws', unreadable, 'cannot be read'],
    ['that is a cyclic object', Object.assign(cyclic, { cyclic }), 'cannot be read'],
    ['that is a proxy', new Proxy({}, { get: throwIt, getPrototypeOf: throwIt, ownKeys: throwIt }), 'cannot be read'],
    ['that is false', false, 'false'],
  ])('keeps the error and its cause %s', (_case, cause, message) => {
    expect(runError(new Error('boom', { cause }))).toMatchObject({ message: 'boom', causes: [{ depth: 1, message }] });
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

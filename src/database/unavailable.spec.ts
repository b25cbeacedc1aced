import { QueryFailedError } from 'typeorm';
import { isUnavailable, whyNobodyCanWrite } from './unavailable.js';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

describe('a failed call of the database', () => {
  it.each([
    ['25006', 'it is read-only'],
    ['53100', 'its disk is full'],
    ['57P01', 'it is shutting down'],
    ['57P02', 'it is recovering from a crash'],
    ['57P03', 'it is starting'],
    ['58030', 'it has an I/O error'],
    ['ECONNREFUSED', 'it refuses connections'],
  ])('with %s says that nobody can write', (code, why) => {
    expect(whyNobodyCanWrite(withCode(code))).toBe(why);
    expect(whyNobodyCanWrite(new QueryFailedError('UPDATE', [], withCode(code)))).toBe(why);
    expect(whyNobodyCanWrite(new Error('pool', { cause: withCode(code) }))).toBe(why);
    expect(isUnavailable(withCode(code))).toBe(true);
  });

  it.each(['53300', '53200', '57P05', '08006', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND'])(
    'with %s may be a failure of this process alone',
    (code) => {
      expect(whyNobodyCanWrite(withCode(code))).toBeNull();
      expect(isUnavailable(withCode(code))).toBe(true);
    },
  );

  it.each(['23505', '57014', '42P01', '', 'constructor'])('with %p is no failure of the server', (code) => {
    expect(whyNobodyCanWrite(withCode(code))).toBeNull();
    expect(isUnavailable(withCode(code))).toBe(false);
  });
});

import { BadRequestException, HttpException, InternalServerErrorException, NotFoundException } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import { Problem } from '../core/problem.js';
import { problemOf } from './problem-of.js';

const of = (error: unknown) => {
  const problem = problemOf(error, 'GET', '/api/v1/nope');
  return problem && `${problem.status} ${problem.code}`;
};
const withCode = (code: string) => Object.assign(new Error('driver'), { code });
const parserError = (type: string) => Object.assign(new Error('parser'), { type });

describe('problemOf', () => {
  it.each([
    ['a Problem', new Problem(409, 'JOB_EXISTS', 'It exists'), '409 JOB_EXISTS'],
    ['an unknown path', new NotFoundException('Cannot GET /api/v1/nope?x=1'), '404 NOT_FOUND'],
    ['a malformed escape', new BadRequestException('bad', { cause: new URIError('bad') }), '400 MALFORMED_URL'],
    [
      'a body over the limit',
      new HttpException('big', 413, { cause: parserError('entity.too.large') }),
      '413 PAYLOAD_TOO_LARGE',
    ],
    [
      'an unsupported encoding',
      new HttpException('x', 415, { cause: parserError('encoding.unsupported') }),
      '415 UNSUPPORTED_MEDIA_TYPE',
    ],
    ['another HTTP exception', new HttpException('slow down', 429), '429 TOO_MANY_REQUESTS'],
    ['a refused connection', withCode('ECONNREFUSED'), '503 DATABASE_UNAVAILABLE'],
    ['a shutdown during a query', new QueryFailedError('SELECT', [], withCode('57P01')), '503 DATABASE_UNAVAILABLE'],
    ['a connection exception', new QueryFailedError('SELECT', [], withCode('08006')), '503 DATABASE_UNAVAILABLE'],
    ['too many connections', withCode('53300'), '503 DATABASE_UNAVAILABLE'],
    ['a terminated connection', new Error('Connection terminated unexpectedly'), '503 DATABASE_UNAVAILABLE'],
    ['an exhausted pool', new Error('timeout exceeded when trying to connect'), '503 DATABASE_UNAVAILABLE'],
    ['a wrapped cause', new Error('outer', { cause: withCode('ECONNRESET') }), '503 DATABASE_UNAVAILABLE'],
    ['a statement timeout', new QueryFailedError('SELECT', [], withCode('57014')), '503 DATABASE_BUSY'],
    ['a unique violation, which is not reported', new QueryFailedError('INSERT', [], withCode('23505')), undefined],
    ['an internal exception, which is not reported', new InternalServerErrorException('secret'), undefined],
    ['any other error, which is not reported', new TypeError('x is undefined'), undefined],
    ['a thrown string, which is not reported', 'text', undefined],
  ])('of %s', (_case, error, expected) => {
    expect(of(error)).toBe(expected);
  });

  it('names the method and the path without the query', () => {
    const error = new NotFoundException('Cannot GET /api/v1/nope?key=secret');
    expect(problemOf(error, 'GET', '/api/v1/nope')?.message).toBe(
      'There is no route GET /api/v1/nope; GET /docs lists all routes.',
    );
  });
});

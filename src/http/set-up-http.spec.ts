import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Res,
  ServiceUnavailableException,
} from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Response } from 'express';
import { Test } from '@nestjs/testing';
import { z } from 'zod';
import { Problem } from '../core/problem.js';
import { API } from './api.js';
import { limit } from './page.js';
import { setUpHttp } from './set-up-http.js';

const thing = z.strictObject({ name: z.string(), size: z.int().default(1) });
const query = z.strictObject({ limit });
const REPORT = { status: 'error', info: {}, error: {}, details: { database: { status: 'down' } } };

@Controller(`${API}/things`)
class ThingsController {
  @Get()
  list(@Query({ schema: query }) asked: z.infer<typeof query>) {
    return asked;
  }

  @Post()
  create(@Body({ schema: thing }) body: z.infer<typeof thing>) {
    return body;
  }

  @Get('broken')
  broken() {
    throw new Error('SELECT secret');
  }

  @Get('half')
  half(@Res() response: Response) {
    response.write('half');
    throw new Error('too late');
  }

  @Get('down')
  down() {
    throw new ServiceUnavailableException(REPORT);
  }

  @Get(':name')
  one(@Param('name', { schema: thing.shape.name }) name: string) {
    return { name };
  }

  @Patch(':name')
  patch(@Body({ schema: z.looseObject({}) }) body: object) {
    return body;
  }

  @Post(':name/pause')
  @HttpCode(200)
  pause(@Body({ schema: z.strictObject({}).prefault({}) }) body: object) {
    return body;
  }

  @Post('file')
  file(@Body() text: string, @Query() { x }: { x: string }) {
    return { length: text.length, x };
  }
}

const JSON_TYPE = 'application/json';
const undecodable = (line: number) => new Problem(400, 'NOT_TEXT', `line ${line}`);
let app: NestExpressApplication;
let base: string;

beforeAll(async () => {
  const module = await Test.createTestingModule({ controllers: [ThingsController] }).compile();
  app = module.createNestApplication<NestExpressApplication>({ bodyParser: false, logger: false });
  const file = {
    method: 'POST',
    path: `/${API}/things/file`,
    types: ['application/yaml'],
    limitBytes: 2 ** 24,
    undecodable,
  };
  setUpHttp(app, { localOnly: true, textBodies: [file] });
  await app.listen(0, '127.0.0.1');
  base = await app.getUrl();
});
afterAll(() => app.close());

const call = async (method: string, path: string, body?: string | Buffer, type?: string, headers = {}) => {
  const response = await fetch(base + path, {
    method,
    body,
    headers: { 'X-Cronzimus-Request': '1', ...(type && { 'Content-Type': type }), ...headers },
  });
  const answer: unknown = JSON.parse((await response.text()) || 'null');
  return { status: response.status, answer, headers: response.headers };
};

describe('setUpHttp', () => {
  const things = `/${API}/things`;
  const big = JSON.stringify({ name: 'x'.repeat(2 ** 20) });

  it.each([
    ['an unknown path', 'GET', '/nope', undefined, undefined, 404, 'NOT_FOUND'],
    ['a malformed escape', 'GET', `${things}/%E0%A4%A`, undefined, undefined, 400, 'MALFORMED_URL'],
    ['U+0000 in a path', 'GET', `${things}/%00`, undefined, undefined, 400, 'INVALID_PARAMETER'],
    ['a repeated parameter', 'GET', `${things}?limit=1&limit=2`, undefined, undefined, 400, 'INVALID_PARAMETER'],
    ['a missing body', 'POST', things, undefined, undefined, 422, 'INVALID_BODY'],
    ['an empty body', 'POST', things, '', JSON_TYPE, 422, 'INVALID_BODY'],
    ['broken JSON', 'POST', things, '{', JSON_TYPE, 400, 'MALFORMED_JSON'],
    ['JSON that is not an object', 'POST', things, '5', JSON_TYPE, 422, 'INVALID_BODY'],
    ['a form', 'POST', things, 'a=1', 'application/x-www-form-urlencoded', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a merge patch with POST', 'POST', things, '{}', 'application/merge-patch+json', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['over 1 MiB', 'POST', things, big, JSON_TYPE, 413, 'PAYLOAD_TOO_LARGE'],
    ['a query that the route does not read', 'GET', `${things}/a?x=1`, undefined, undefined, 400, 'INVALID_PARAMETER'],
    ['a fault of the service', 'GET', `${things}/broken`, undefined, undefined, 500, 'INTERNAL'],
  ])('answers %s with a problem', async (_case, method, path, body, type, status, code) => {
    const { answer, headers } = await call(method, path, body, type);
    expect(answer).toMatchObject({ status, code, type: expect.stringMatching(/^urn:cronzimus:problem:[a-z-]+$/) });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['no body', 'POST', `${things}/a/pause`, undefined, undefined, {}],
    ['an empty body of any media type', 'POST', `${things}/a/pause`, '', 'text/plain', {}],
    ['JSON', 'POST', `${things}/a/pause`, '{}', 'Application/JSON; charset=utf-8', {}],
    ['JSON in utf8', 'POST', `${things}/a/pause`, '{}', 'application/json;charset=utf8', {}],
    ['JSON in UTF8', 'POST', `${things}/a/pause`, '{}', 'application/json; charset="UTF8"', {}],
    ['a merge patch', 'PATCH', `${things}/a`, '{"constructor":1}', 'application/merge-patch+json', { constructor: 1 }],
    ['a large text', 'POST', `${things}/file?x=1`, big, 'application/yaml', { length: big.length, x: '1' }],
  ])('accepts %s', async (_case, method, path, body, type, expected) => {
    const { answer, headers } = await call(method, path, body, type);
    expect(answer).toEqual(expected);
    expect(headers.get('etag') ?? headers.get('x-powered-by')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['JSON in Latin-1', things, Buffer.from('{"name":"grüße"}', 'latin1'), JSON_TYPE, 400, 'MALFORMED_JSON'],
    [
      'JSON that is cut within a letter',
      things,
      Buffer.from('{"name":"ü').subarray(0, -1),
      JSON_TYPE,
      400,
      'MALFORMED_JSON',
    ],
    [
      'JSON in a charset that is not Unicode',
      things,
      '{}',
      `${JSON_TYPE}; charset=latin1`,
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['JSON in an unknown charset', things, '{}', `${JSON_TYPE}; charset=utf-99`, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a text in Latin-1', `${things}/file?x=1`, Buffer.from('a\nü', 'latin1'), 'application/yaml', 400, 'NOT_TEXT'],
    [
      'a text in an unknown charset',
      `${things}/file?x=1`,
      'a',
      'application/yaml; charset=x',
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
  ])('refuses %s', async (_case, path, body, type, status, code) => {
    expect((await call('POST', path, body, type)).answer).toMatchObject({ status, code });
  });

  it.each([
    ['JSON in UTF-16', things, Buffer.from('{"name":"grüße"}', 'utf16le'), `${JSON_TYPE}; charset="utf-16le"`],
    ['JSON with a byte order mark', things, '\ufeff{"name":"grüße"}', JSON_TYPE],
  ])('reads %s', async (_case, path, body, type) => {
    expect((await call('POST', path, body, type)).answer).toEqual({ name: 'grüße', size: 1 });
  });

  it('reads a text in the charset that its type names', async () => {
    const body = Buffer.from('ü\n', 'latin1');
    const { answer } = await call('POST', `${things}/file?x=1`, body, 'application/yaml; charset=iso-8859-1');
    expect(answer).toEqual({ length: 2, x: '1' });
  });

  it.each(['9007199254740993', '-9007199254740993.0', '1e400', '12345678901234567890e-2', '9007199254740993.5'])(
    'refuses a body with the number %s, which would change, with its path',
    async (number) => {
      const errors = [{ path: '/a~1b/1/id', message: expect.stringContaining('write it as a string') }];
      const { answer } = await call('PATCH', `${things}/a`, `{"a/b":[1,{"id":${number}}]}`, JSON_TYPE);
      expect(answer).toMatchObject({ status: 422, code: 'INVALID_BODY', errors });
    },
  );

  it('keeps numbers that are exact, and rounds decimal fractions', async () => {
    const body = '{"a":[9007199254740992,1e23,-0.0,1.0,0.1234567890123456789,"9007199254740993"]}';
    const { answer } = await call('PATCH', `${things}/a`, body, JSON_TYPE);
    expect(answer).toEqual({ a: [9007199254740992, 1e23, 0, 1, 0.12345678901234568, '9007199254740993'] });
  });

  it('sends the health report of Terminus unchanged', async () => {
    expect(await call('GET', `${things}/down`)).toMatchObject({ status: 503, answer: REPORT });
  });

  it('aborts a response that fails half way, so that it does not look complete', async () => {
    const answer = fetch(`${base}${things}/half`).then((response) => response.text());
    await expect(answer).rejects.toThrow(/terminated|fetch failed/);
  });

  it('rejects requests from pages of other sites', async () => {
    const { answer } = await call('GET', things, undefined, undefined, { Origin: 'https://evil.example' });
    expect(answer).toMatchObject({ status: 403, code: 'FORBIDDEN_ORIGIN' });
  });
});

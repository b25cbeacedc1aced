import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ApiBody, ApiResponse } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import { z } from 'zod';
import { Problem } from '../core/problem.js';
import { API } from './api.js';
import { openApiDocument, setUpOpenApi } from './openapi.js';
import { cursor, limit, pageSchema } from './page.js';
import { Problems } from './problems.decorator.js';
import { setUpHttp } from './set-up-http.js';

const thing = z.strictObject({ name: z.string(), size: z.int().default(1) }).meta({ id: 'Thing' });
const query = z.strictObject({ limit, cursor });

@Problems(503)
@Controller(`${API}/things`)
class ThingsController {
  @Get()
  @ApiResponse({ status: 200, description: 'A page', standardSchema: pageSchema(thing).meta({ id: 'ThingPage' }) })
  list(@Query({ schema: query }) asked: z.infer<typeof query>) {
    return asked;
  }

  @Post()
  @ApiResponse({ status: 201, description: 'Made', standardSchema: thing })
  @Problems(new Problem(409, 'THING_EXISTS', 'It exists'), new Problem(409, 'THING_BUSY', 'It is busy'))
  create(@Body({ schema: thing }) body: z.infer<typeof thing>) {
    return body;
  }

  @Post(':name/pause')
  @ApiBody({ required: false })
  pause(@Body({ schema: z.strictObject({}).prefault({}) }) body: object) {
    return body;
  }
}

@Controller('named')
class NamedController {
  @Get()
  list(@Query({ schema: query.meta({ id: 'NamedQuery' }) }) asked: z.infer<typeof query>) {
    return asked;
  }
}

const make = async (controller: typeof ThingsController | typeof NamedController) => {
  const module = await Test.createTestingModule({ controllers: [controller] }).compile();
  return module.createNestApplication<NestExpressApplication>({ bodyParser: false, logger: false });
};

let app: NestExpressApplication;
beforeAll(async () => {
  app = await make(ThingsController);
  setUpHttp(app);
  setUpOpenApi(app);
  await app.listen(0, '127.0.0.1');
});
afterAll(() => app.close());

describe('openApiDocument', () => {
  it('describes parameters, bodies, responses and problems', () => {
    const { openapi, paths, components } = openApiDocument(app);
    const { get, post } = paths[`/${API}/things`]!;
    expect(openapi).toBe('3.1.0');
    expect(get?.operationId).toBe('thingsList');
    expect(get?.parameters).toMatchObject([
      {
        name: 'limit',
        in: 'query',
        required: false,
        schema: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
      },
      { name: 'cursor', in: 'query', required: false },
    ]);
    expect(Object.keys(get?.responses ?? {})).toEqual(['200', '400', '403', '429', '503']);
    expect(JSON.stringify(post?.requestBody)).toContain('#/components/schemas/ThingInput"');
    expect(JSON.stringify(post?.responses['201'])).toContain('#/components/schemas/Thing"');
    expect(post?.responses['409']).toMatchObject({
      description: '`THING_EXISTS`, `THING_BUSY`',
      content: { 'application/problem+json': { examples: { THING_BUSY: { value: { status: 409 } } } } },
    });
    expect(paths[`/${API}/things/{name}/pause`]?.post?.requestBody).toMatchObject({ required: false });
    expect(Object.keys(components?.schemas ?? {}).toSorted()).toEqual(['Problem', 'Thing', 'ThingInput', 'ThingPage']);
  });

  it('rejects a query schema with a name, whose parameters would be missing', async () => {
    const named = await (await make(NamedController)).init();
    expect(() => openApiDocument(named)).toThrow('The parameters of the query "NamedQueryInput" would be left out');
    await named.close();
  });

  it('is served, with a page that loads nothing from other hosts', async () => {
    const base = await app.getUrl();
    const document: unknown = await (await fetch(`${base}/docs-json`)).json();
    expect(document).toMatchObject({ info: { title: 'Cronzimus', version: expect.stringMatching(/^\d+\.\d+\.\d+/) } });
    const page = await (await fetch(`${base}/docs`)).text();
    expect(page).not.toMatch(/(src|href)=["'](https?:)?\/\//);
    expect((await fetch(`${base}/docs/swagger-ui-bundle.js`)).status).toBe(200);
  });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { openApiDocument } from '../src/http/openapi.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';

interface Content {
  schema?: object;
  examples?: object;
}
interface Operation {
  operationId: string;
  security?: object[];
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[];
  requestBody?: { content: Record<string, Content> };
  responses: Record<string, { description: string; content?: Record<string, Content> }>;
}
interface Schema {
  $ref?: string;
  example?: unknown;
  properties?: Record<string, Schema>;
}

let database: TestDatabase;
let app: NestExpressApplication;
let document: Record<string, unknown>;
let operations: [route: string, operation: Operation][];
beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  // As a client parses it.
  document = JSON.parse(JSON.stringify(openApiDocument(app))) as typeof document;
  operations = Object.entries(document['paths'] as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

/** Every object of a JSON value, with its pointer. */
function* objectsIn(value: unknown, pointer = '#'): Generator<[pointer: string, object: Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [pointer, value as Record<string, unknown>];
  for (const [key, child] of Object.entries(value))
    yield* objectsIn(child, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

/** The routes that a check finds fault with. */
const wrong = (isWrong: (operation: Operation) => boolean) =>
  operations.filter(([, operation]) => isWrong(operation)).map(([route]) => route);

const isEmpty = (schema: object | undefined) => schema === undefined || Object.keys(schema).length === 0;
const contents = (part: { content?: Record<string, Content> } | undefined) => Object.values(part?.content ?? {});
const success = ({ responses }: Operation) => Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1];
const isBare = ({ responses }: Operation) => '204' in responses;

/** The problem codes that the document has for a route. */
const codesOf = ({ responses }: Operation) =>
  Object.values(responses).flatMap((response) =>
    contents(response).flatMap(({ examples = {} }) => Object.keys(examples)),
  );

/** Whether a schema has an example, as a whole or in each of its parts. */
function isShown(schema: Schema | undefined): boolean {
  if (schema?.$ref !== undefined) {
    const { schemas } = document['components'] as { schemas: Record<string, Schema> };
    return isShown(schemas[schema.$ref.replace('#/components/schemas/', '')]);
  }
  const parts = Object.values(schema?.properties ?? {});
  return schema?.example !== undefined || (parts.length > 0 && parts.every(isShown));
}

const notShown = ({ requestBody, responses }: Operation) =>
  [requestBody, ...Object.values(responses)]
    .flatMap(contents)
    .some(({ schema, examples }) => !examples && !isShown(schema));

/** The problem codes that follow from what a route takes. */
const BY_WHAT_IT_TAKES: [what: string, takes: (operation: Operation) => boolean, codes: string[]][] = [
  ['a request', () => true, ['FORBIDDEN_HOST', 'FORBIDDEN_ORIGIN']],
  ['a key', hasKey, ['NO_KEY', 'WRONG_KEY', 'KEY_EXPIRED', 'TOO_MANY_WRONG_KEYS']],
  ['a path', has('path'), ['INVALID_PARAMETER', 'MALFORMED_URL']],
  ['a query', has('query'), ['INVALID_PARAMETER']],
  ['a cursor', has('query', 'cursor'), ['INVALID_CURSOR']],
  ['a precondition', has('header', 'If-Match'), ['PRECONDITION_FAILED']],
  ['an idempotency key', has('header', 'Idempotency-Key'), ['INVALID_PARAMETER', 'IDEMPOTENCY_KEY_REUSED']],
  ['a body', hasBody, ['MALFORMED_JSON', 'BAD_REQUEST', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']],
];
function has(where: string, name?: string) {
  return ({ parameters = [] }: Operation) =>
    parameters.some((one) => one.in === where && one.name === (name ?? one.name));
}
function hasBody({ requestBody }: Operation) {
  return requestBody !== undefined;
}
function hasKey({ security }: Operation) {
  return security?.length !== 0;
}

/** Codes that belong to no documented route: an unknown path, a process without the role, a closed route of a user, a bug. */
const OF_NO_ROUTE = ['INTERNAL', 'NOT_FOUND', 'DOCS_OFF', 'ROLE_OFF', 'ROUTE_CLOSED'];

const takes = ({ parameters, requestBody }: Operation) => Boolean(parameters?.length || requestBody);

const queryOf = (route: string) => {
  const { parameters = [] } = Object.fromEntries(operations)[route]!;
  return parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
};

describe('the OpenAPI document', () => {
  it('has every route', () => {
    expect(operations.map(([route]) => route).toSorted()).toEqual([
      'delete /api/v1/jobs/{name}',
      'get /api/v1/alerts',
      'get /api/v1/audit',
      'get /api/v1/channels',
      'get /api/v1/jobs',
      'get /api/v1/jobs-file',
      'get /api/v1/jobs/{name}',
      'get /api/v1/jobs/{name}/explain',
      'get /api/v1/jobs/{name}/ledger',
      'get /api/v1/jobs/{name}/upcoming',
      'get /api/v1/jobs/{name}/versions',
      'get /api/v1/ledger/check',
      'get /api/v1/runs',
      'get /api/v1/runs/{id}',
      'get /api/v1/runs/{id}/logs',
      'get /api/v1/scheduler',
      'get /api/v1/tasks',
      'get /health',
      'get /health/live',
      'get /health/ready',
      'get /metrics',
      'patch /api/v1/jobs/{name}',
      'post /api/v1/alerts/{id}/acknowledge',
      'post /api/v1/alerts/{id}/mute',
      'post /api/v1/channels/{name}/test',
      'post /api/v1/jobs',
      'post /api/v1/jobs-file',
      'post /api/v1/jobs/{name}/backfill',
      'post /api/v1/jobs/{name}/backfill/cancel',
      'post /api/v1/jobs/{name}/pause',
      'post /api/v1/jobs/{name}/resume',
      'post /api/v1/jobs/{name}/run',
      'post /api/v1/runs/{id}/cancel',
      'post /api/v1/runs/{id}/retry',
      'post /api/v1/scheduler/pause',
      'post /api/v1/scheduler/resume',
      'post /api/v1/triggers/preview',
      'put /api/v1/jobs/{name}',
    ]);
  });

  it('equals docs/openapi.json, which `npm run openapi` writes', async () => {
    const kept = await readFile(join(import.meta.dirname, '../docs/openapi.json'), 'utf8');
    expect(kept).toBe(`${JSON.stringify(document, null, 2)}\n`);
  });

  it('is valid OpenAPI 3.1, with a title and a version', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Cronzimus', version: expect.any(String) } });
    const known = ['openapi', 'info', 'servers', 'paths', 'components', 'security', 'tags', 'webhooks', 'externalDocs'];
    expect(Object.keys(document).filter((part) => !known.includes(part))).toEqual([]);
    const { securitySchemes = {} } = document['components'] as { securitySchemes?: object };
    const used = [...objectsIn(document)].flatMap(([, { security = [] }]) => security as object[]);
    const schemes = new Set(used.flatMap((one) => Object.keys(one)));
    expect([...schemes]).toEqual(Object.keys(securitySchemes));
  });

  it('has a summary, a description, a tag and a unique operation id for each route', () => {
    expect(wrong(({ summary, description, tags }) => !summary || !description || !tags?.length)).toEqual([]);
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('describes the success of each route with a schema', () => {
    expect(wrong((operation) => !isBare(operation) && isEmpty(contents(success(operation))[0]?.schema))).toEqual([]);
  });

  it('describes the problems of each route that takes a parameter or a body', () => {
    expect(wrong((operation) => takes(operation) && !('400' in operation.responses))).toEqual([]);
    expect(wrong(({ requestBody, responses }) => requestBody !== undefined && !('422' in responses))).toEqual([]);
    const problems = operations.flatMap(([route, { responses }]) =>
      Object.entries(responses)
        .filter(([status]) => /^[45]/.test(status) && !route.includes('/health'))
        .map(([status, { content }]) => ({ route, status, content })),
    );
    const schema = { $ref: '#/components/schemas/Problem' };
    expect(problems.length).toBeGreaterThan(15);
    for (const { route, status, content } of problems) {
      const example = { value: { status: Number(status), code: expect.any(String), detail: expect.any(String) } };
      const body = content?.['application/problem+json'] as { schema: object; examples: object } | undefined;
      expect({ route, status, ...body }).toMatchObject({ route, status, schema });
      for (const shown of Object.values(body!.examples)) expect(shown).toMatchObject(example);
    }
  });

  it('has the required role of each route, and marks public routes as public', () => {
    expect(document['security']).toEqual([{ bearer: [] }]);
    const open = operations.filter(([, { security }]) => security !== undefined);
    expect(open.map(([route, { security }]) => [route, security])).toEqual([
      ['get /health/live', []],
      ['get /health/ready', []],
      ['get /health', []],
    ]);
  });

  it('has an example of each request body and each response body', () => {
    expect(wrong(notShown)).toEqual([]);
  });

  it.each(BY_WHAT_IT_TAKES)(
    'has the codes that follow from %s, for each route that takes it',
    (_what, takesIt, codes) => {
      expect(operations.some(([, operation]) => takesIt(operation))).toBe(true);
      expect(
        wrong((operation) => takesIt(operation) && codes.some((code) => !codesOf(operation).includes(code))),
      ).toEqual([]);
    },
  );

  it('has the codes that API.md has, and no others', async () => {
    const page = await readFile(join(import.meta.dirname, '../API.md'), 'utf8');
    const [, section = ''] = page.split('\n## Errors\n');
    const rows = section
      .split('\n## ')[0]!
      .split('\n')
      .filter((line) => /^\| [45]\d\d/.test(line));
    const inApiMd = rows.flatMap((row) => [...row.split('|')[2]!.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code!));
    const documented = new Set(operations.flatMap(([, operation]) => codesOf(operation)));
    expect([...documented, ...OF_NO_ROUTE].toSorted()).toEqual(inApiMd.toSorted());
  });

  it('has a schema for each parameter and each body', () => {
    expect(wrong(({ parameters = [] }) => parameters.some(({ schema }) => isEmpty(schema)))).toEqual([]);
    expect(wrong(({ requestBody }) => contents(requestBody).some(({ schema }) => isEmpty(schema)))).toEqual([]);
    expect(wrong(({ requestBody }) => requestBody !== undefined && contents(requestBody).length === 0)).toEqual([]);
  });

  it('names each part of a path as a required parameter, once', () => {
    const faulty = operations.filter(([route, { parameters = [] }]) => {
      const inPath = parameters.filter((parameter) => parameter.in === 'path' && parameter.required);
      const named = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const keys = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
      return (
        JSON.stringify(inPath.map(({ name }) => name)) !== JSON.stringify(named) || new Set(keys).size < keys.length
      );
    });
    expect(faulty.map(([route]) => route)).toEqual([]);
  });

  it('describes the queries of the lists', () => {
    expect(queryOf('get /api/v1/jobs')).toEqual(['state', 'task', 'tag', 'source', 'q', 'sort', 'limit', 'cursor']);
    const audit = ['job', 'target', 'action', 'by', 'from', 'to', 'limit', 'cursor'];
    expect(queryOf('get /api/v1/audit')).toEqual(audit);
    expect(queryOf('get /api/v1/runs')).toEqual(['job', 'state', 'kind', 'from', 'to', 'limit', 'cursor']);
  });

  it('has no dangling references', () => {
    const pointers = new Set([...objectsIn(document)].map(([pointer]) => pointer));
    const references = [...objectsIn(document)].flatMap(([, { $ref }]) => (typeof $ref === 'string' ? [$ref] : []));
    expect(references.length).toBeGreaterThan(20);
    expect(references.filter((reference) => !pointers.has(reference))).toEqual([]);
  });

  it('has no unused components', () => {
    const text = JSON.stringify(document);
    const { schemas } = document['components'] as { schemas: Record<string, object> };
    const used = (name: string) => text.includes(`"#/components/schemas/${name}"`);
    expect(Object.keys(schemas).filter((name) => !used(name))).toEqual([]);
  });

  it('has valid JSON Schema 2020-12', () => {
    const types = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'];
    const faults = [...objectsIn(document)].flatMap(([pointer, schema]) => {
      if (!/\/schemas?(\/|$)/.test(pointer) || /\/examples?\/|\/(properties|examples?|default|mapping)$/.test(pointer))
        return [];
      const { type, required, properties, nullable, minimum, exclusiveMinimum } = schema;
      const known = type === undefined || [type].flat().every((one) => types.includes(one as string));
      const declared =
        required === undefined || (required as string[]).every((name) => Object.hasOwn(properties ?? {}, name));
      const modern = nullable === undefined && typeof (exclusiveMinimum ?? minimum ?? 0) === 'number';
      return known && declared && modern ? [] : [pointer];
    });
    expect(faults).toEqual([]);
  });
});

describe('the page at /docs', () => {
  it('may run all of its own scripts, also without TLS', async () => {
    await app.listen(0, '127.0.0.1');
    const response = await fetch(`${await app.getUrl()}/docs`);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain('upgrade-insecure-requests');
    const scripts = (await response.text()).match(/<script[^>]*>/g) ?? [];
    expect(scripts.length).toBeGreaterThan(1);
    for (const script of scripts) expect(script).toMatch(/ src="\.\/docs\//);
  });
});

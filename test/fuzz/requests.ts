import * as fc from 'fast-check';
import { type Body, bodyOf } from './bodies.js';
import { headersOf, onceIn } from './headers.js';
import { hostileTexts } from './hostile.js';
import { type Schema, valuesOf } from './values.js';

export interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema; examples?: object }> }>;
}

export interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** In the path and the headers, `{run}`, `{etag}` and `{cursor}` stand for values of earlier responses. */
export interface FuzzRequest {
  route: string;
  operation: Operation;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

interface Chosen {
  inPath: Record<string, unknown>;
  query: [name: string, value: unknown][];
  headers: Record<string, string>;
  body: Body | null;
}

/** Half of the requests are valid and include the bounds. The others may have anything anywhere. */
export function requestsOf({ paths, components }: OpenApi): fc.Arbitrary<FuzzRequest> {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const requests = operations.flatMap(({ method, path, operation }) =>
    [false, true].map((wild) => ({
      // Most can go wrong with a body.
      weight: operation.requestBody ? 4 : 1,
      arbitrary: chosenFor(operation, components.schemas, wild).map((chosen) =>
        requestOf(method, path, operation, chosen),
      ),
    })),
  );
  return fc.oneof(...requests);
}

function chosenFor(operation: Operation, schemas: Record<string, Schema>, wild: boolean): fc.Arbitrary<Chosen> {
  const { parameters = [] } = operation;
  const valueOf = ({ name, schema }: { name: string; schema: Schema }) => valuesOf(schema, schemas, wild, name);
  const inPath = parameters.filter((one) => one.in === 'path').map((one) => [one.name, valueOf(one)]);
  const inQuery = parameters
    .filter((one) => one.in === 'query')
    .map((one) => valueOf(one).map((value): [string, unknown] => [one.name, value]));
  const names = fc.constantFrom('__proto__', 'limit', 'cursor', 'a[b]', ...hostileTexts.slice(0, 8));
  const odd = fc.tuple(names, fc.constantFrom(...hostileTexts));
  const meant = fc.tuple(...inQuery).chain((all) => fc.subarray(all));
  return fc.record({
    inPath: fc.record(Object.fromEntries(inPath) as Record<string, fc.Arbitrary<unknown>>),
    query: wild ? fc.tuple(meant, onceIn(4, odd)).map(([all, one]) => (one ? [...all, one] : all)) : meant,
    headers: headersOf(operation, wild),
    body: bodyOf(operation, schemas, wild),
  });
}

function requestOf(method: string, path: string, operation: Operation, chosen: Chosen): FuzzRequest {
  const { inPath, query, headers, body } = chosen;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => escaped(inPath[name]) || '-');
  const search = query.map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join('&');
  // A name other than the one in the path would hide all other errors.
  const named = typeof inPath['name'] === 'string' ? `"name":${JSON.stringify(inPath['name'])}` : '$&';
  return {
    route: `${method} ${path}`,
    operation,
    method: method.toUpperCase(),
    path: search ? `${filled}?${search}` : filled,
    headers: { 'X-Cronzimus-Request': '1', ...(body && { 'Content-Type': body.type }), ...headers },
    body: body?.text.replace(/"name":"[\w.-]+"/, named),
  };
}

/** Encodes a text for a URL, also half a surrogate pair and a broken escape. Cuts what is too long for a request line. */
function escaped(value: unknown): string {
  const text = (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, 2_000);
  if (/^\{(run|cursor)\}$|%zz/.test(text)) return text;
  return text.isWellFormed() ? encodeURIComponent(text) : `${encodeURIComponent(text.toWellFormed())}%ED%A0%80`;
}

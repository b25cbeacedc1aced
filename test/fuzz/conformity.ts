import { z } from 'zod';
import type { FuzzAnswer } from './exchange.js';
import type { FuzzRequest, OpenApi } from './requests.js';

/** Problem codes that may occur for a request with a body that its route does not take, or for an unknown path. */
const OF_NO_ROUTE = ['BAD_REQUEST', 'MALFORMED_JSON', 'NOT_FOUND', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

/** Returns what is wrong with a response according to the document; null: nothing. */
export function conformity({ components }: OpenApi): (request: FuzzRequest, answer: FuzzAnswer) => string | null {
  const definitions = JSON.parse(
    JSON.stringify(components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
  ) as object;
  const schemas = new Map<unknown, z.ZodType>();
  const schemaOf = (schema: object) => {
    const text = JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/');
    const known =
      schemas.get(text) ?? z.fromJSONSchema({ ...(JSON.parse(text) as object), $defs: definitions } as never);
    schemas.set(text, known);
    return known;
  };

  return ({ operation, body }, { status, type, text }) => {
    if (status >= 500) return 'is a fault of the service';
    const documented = operation.responses[status];
    if (status >= 400) {
      if (type !== 'application/problem+json') return `is ${type}, no problem`;
      const problem = JSON.parse(text) as { status?: unknown; code?: string; detail?: unknown; title?: unknown };
      if (problem.status !== status || !problem.detail || !problem.title) return 'is no whole problem';
      if (/node_modules|\.js:\d/.test(text)) return 'tells of the code';
      const known = Object.keys(documented?.content?.['application/problem+json']?.examples ?? {});
      const isKnown = known.includes(problem.code!) || problem.code === 'NOT_FOUND';
      const isGeneral =
        operation.requestBody === undefined && body !== undefined && OF_NO_ROUTE.includes(problem.code!);
      return isKnown || isGeneral ? null : `has the code ${problem.code}, which the document has not`;
    }
    if (!documented) return 'has a status that the document has not';
    const media = documented.content?.[type.split(';')[0]!];
    if (!media) return text === '' ? null : `is ${type}, which the document has not`;
    if (!type.startsWith('application/json')) return null;
    const { error } = schemaOf(media.schema).safeParse(JSON.parse(text));
    return error ? `does not fit its schema: ${error.message.slice(0, 500)}` : null;
  };
}

import { types } from 'pg';
import { jsonOrText } from './json-or-text.js';

const { BOOL, FLOAT4, FLOAT8, INT2, INT4, JSON: JSON_TEXT, JSONB, OID, TIMESTAMPTZ } = types.builtins;

/** As PostgreSQL is to read it: a list or an object as JSON text, where pg would make a PostgreSQL array of a list. */
export const bound = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : value;

/** How a column's text becomes JSON without loss: what JSON has no exact value for stays the text that PostgreSQL writes. */
export const parserOf = (type: number): ((text: string) => unknown) => parsers.get(type) ?? ((text) => text);

const parsers = new Map<number, (text: string) => unknown>([
  [BOOL, (text) => text === 't'],
  ...[INT2, INT4, OID, FLOAT4, FLOAT8].map((type) => [type, finite] as const),
  ...[JSON_TEXT, JSONB].map((type) => [type, jsonOrText] as const),
  [TIMESTAMPTZ, instant],
]);

/** NaN and the infinities are no JSON. */
function finite(text: string): unknown {
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

function instant(text: string): string {
  const date: unknown = types.getTypeParser(TIMESTAMPTZ)(text);
  return date instanceof Date && !Number.isNaN(date.getTime()) ? date.toISOString() : text;
}

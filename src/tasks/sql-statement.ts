import { type ClientBase, Query, types } from 'pg';
import { jsonOrText } from './json-or-text.js';

const MAX_ROWS = 100;
const MAX_BYTES = 49_152;

export interface SqlOutput {
  /** How many rows the statement returned or changed; null when it does neither. */
  rowCount: number | null;
  /** The first rows: up to 100, and up to 48 KiB of JSON. */
  rows: object[];
  /** Present when there were more rows. */
  truncated?: true;
}

/** Runs one statement. The extended protocol makes PostgreSQL refuse a text with two statements. */
export function runStatement(client: ClientBase, text: string, values: readonly unknown[]): Promise<SqlOutput> {
  return new Promise((resolve, reject) => {
    const rows: object[] = [];
    let bytes = 0;
    let truncated = false;
    const config = { text, values: values.map(parameterOf), queryMode: 'extended', types: { getTypeParser: parserOf } };
    const query = new Query<object>(config, (error, result) => {
      if (error) reject(error);
      else resolve({ rowCount: result.rowCount, rows, ...(truncated && { truncated }) });
    });
    query.on('row', (row, result) => {
      // pg collects all rows in the result as well, and there may be millions.
      result!.rows.length = 0;
      if (truncated) return;
      bytes += Buffer.byteLength(JSON.stringify(row));
      truncated = rows.length === MAX_ROWS || bytes > MAX_BYTES;
      if (!truncated) rows.push(row);
    });
    client.query(query);
  });
}

/** Lists and objects are bound as JSON text. pg would bind a list as a PostgreSQL array. */
const parameterOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : value;

/** Converts the text of a column to JSON without loss. A value that JSON cannot represent exactly stays the text that
 *  PostgreSQL writes. */
const parserOf = (type: number): ((text: string) => unknown) => parsers.get(type) ?? ((text) => text);

const { BOOL, FLOAT4, FLOAT8, INT2, INT4, JSON: JSON_TEXT, JSONB, OID, TIMESTAMPTZ } = types.builtins;

const parsers = new Map<number, (text: string) => unknown>([
  [BOOL, (text) => text === 't'],
  ...[INT2, INT4, OID, FLOAT4, FLOAT8].map((type) => [type, finiteNumber] as const),
  ...[JSON_TEXT, JSONB].map((type) => [type, jsonOrText] as const),
  [TIMESTAMPTZ, instant],
]);

/** JSON has no NaN and no infinities. */
function finiteNumber(text: string): unknown {
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

function instant(text: string): string {
  const date: unknown = types.getTypeParser(TIMESTAMPTZ)(text);
  return date instanceof Date && !Number.isNaN(date.getTime()) ? date.toISOString() : text;
}

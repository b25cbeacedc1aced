import { type ClientBase, Query, types } from 'pg';
import { watchMessages } from '../database/watch-messages.js';
import { jsonOrText } from './json-or-text.js';
import { SqlCopyError, SqlResultTooLargeError } from './sql-errors.js';

const MAX_ROWS = 100;
const MAX_BYTES = 49_152;
/** How much is read from the server, although less is kept: of one row, notice or error, and of all together. */
const MAX_MESSAGE_BYTES = 4 * 1_048_576;
const MAX_TOTAL_BYTES = 32 * 1_048_576;
/** The messages with which the server starts to receive or send data: CopyInResponse, CopyOutResponse, CopyBothResponse. */
const COPY_RESPONSES = 'GHW';

export interface SqlOutput {
  /** How many rows the statement returned or changed; null when it does neither. */
  rowCount: number | null;
  /** The first rows: up to 100, and up to 48 KiB of JSON. */
  rows: object[];
  /** Present when there were more rows. */
  truncated?: true;
}

/** Runs one statement. The extended protocol makes PostgreSQL refuse a text with two statements. Destroys the connection, which
 *  rolls back, when the statement turns out to be a COPY or its result is too large. */
export const runStatement = (client: ClientBase, text: string, values: readonly unknown[]): Promise<SqlOutput> =>
  watchMessages(client, refusalOf, () => query(client, text, values));

function refusalOf(type: string, bytes: number, totalBytes: number): Error | undefined {
  if (COPY_RESPONSES.includes(type)) return new SqlCopyError();
  if (bytes > MAX_MESSAGE_BYTES) return new SqlResultTooLargeError(MAX_MESSAGE_BYTES, 'one row, notice or error');
  if (totalBytes > MAX_TOTAL_BYTES) return new SqlResultTooLargeError(MAX_TOTAL_BYTES, 'all rows and notices together');
  return undefined;
}

function query(client: ClientBase, text: string, values: readonly unknown[]): Promise<SqlOutput> {
  return new Promise((resolve, reject) => {
    const rows: object[] = [];
    let bytes = 0;
    let truncated = false;
    // What cannot be kept is not parsed.
    const parse = (type: number) => (value: string) =>
      truncated ? null : value.length > MAX_BYTES ? value : parserOf(type)(value);
    const config = { text, values: values.map(parameterOf), queryMode: 'extended', types: { getTypeParser: parse } };
    const statement = new Query<object>(config, (error, result) => {
      if (error) reject(error);
      else resolve({ rowCount: result.rowCount, rows, ...(truncated && { truncated }) });
    });
    statement.on('row', (row, result) => {
      // pg collects all rows in the result as well, and there may be millions.
      result!.rows.length = 0;
      if (truncated) return;
      bytes += Buffer.byteLength(JSON.stringify(row));
      truncated = rows.length === MAX_ROWS || bytes > MAX_BYTES;
      if (!truncated) rows.push(row);
    });
    client.query(statement);
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

import { type ClientBase, Query } from 'pg';
import { bound, parserOf } from './sql-values.js';

const MOST_ROWS = 100;
const MOST_BYTES = 49_152;

export interface SqlAnswer {
  /** How many rows the statement has answered or changed; null for one that does neither. */
  rowCount: number | null;
  rows: object[];
  /** Present when `rows` are only the first: up to 100, and 48 KiB of JSON. */
  truncated?: true;
}

/** Runs one statement; the extended protocol, by which PostgreSQL refuses two in one text. */
export function runStatement(client: ClientBase, text: string, values: readonly unknown[]): Promise<SqlAnswer> {
  return new Promise((resolve, reject) => {
    const rows: object[] = [];
    let bytes = 0;
    let truncated = false;
    const config = { text, values: values.map(bound), queryMode: 'extended', types: { getTypeParser: parserOf } };
    const query = new Query<object>(config, (error, result) => {
      if (error) reject(error);
      else resolve({ rowCount: result.rowCount, rows, ...(truncated && { truncated }) });
    });
    query.on('row', (row, result) => {
      // pg gathers all rows beside; they may be millions.
      result!.rows.length = 0;
      if (truncated) return;
      bytes += Buffer.byteLength(JSON.stringify(row));
      truncated = rows.length === MOST_ROWS || bytes > MOST_BYTES;
      if (!truncated) rows.push(row);
    });
    client.query(query);
  });
}

import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { rows } from '../database/transaction.js';
import { DatabaseFigures } from './database-figures.js';
import { Metrics } from './metrics.js';

interface Figures {
  connections: number;
  limit: number;
}

interface TableFigures {
  table: string;
  bytes: number;
  /** The estimate of the server. Null before the first ANALYZE. */
  rows: number | null;
}

/** The server's connections, and the size of our tables. */
@Injectable()
export class DatabaseMetrics {
  constructor(@Inject(ENVIRONMENT) { DATABASE_SCHEMA }: Environment, metrics: Metrics, figures: DatabaseFigures) {
    const server = figures.of(async (tx) => (await rows<Figures>(tx, connections))[0]!);
    const tables = figures.of((tx) => rows<TableFigures>(tx, sizes, [DATABASE_SCHEMA]));

    metrics.gauge('database_connections', 'Connections of all clients of the database server', [], async () => {
      const read = await server();
      return read ? [{ value: read.connections }] : [];
    });
    metrics.gauge('database_max_connections', 'max_connections of the database server', [], async () => {
      const read = await server();
      return read ? [{ value: read.limit }] : [];
    });
    metrics.gauge('table_bytes', 'Size of a table with its indexes', ['table'], async () =>
      ((await tables()) ?? []).map(({ table, bytes }) => ({ labels: { table }, value: bytes })),
    );
    metrics.gauge('table_rows', "Rows of a table, by the server's estimate", ['table'], async () =>
      ((await tables()) ?? []).flatMap((size) =>
        size.rows === null ? [] : [{ labels: { table: size.table }, value: size.rows }],
      ),
    );
  }
}

// Every role may read the number of connections. Their activity, which needs privileges, is not read.
const connections = `
  SELECT sum(numbackends)::int AS connections, current_setting('max_connections')::int AS limit FROM pg_stat_database`;

// The number of rows is an estimate, because counting the rows of a long history takes seconds.
const sizes = `
  SELECT c.relname AS table,
    pg_total_relation_size(c.oid)::float8 AS bytes, nullif(c.reltuples, -1)::float8 AS rows
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND n.nspname = $1`;

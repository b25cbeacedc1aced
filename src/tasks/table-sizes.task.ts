import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import type { RunContext } from './run-context.js';
import { Task, type TaskHandler } from './task.decorator.js';

const input = z.strictObject({
  schema: z
    .string()
    .optional()
    .describe('Only the tables of this schema. Default: all schemas except those of the system.'),
  top: z.int().min(1).max(100).default(10).describe('How many tables to report.'),
  warnAboveMegabytes: z.number().positive().optional().describe('A larger table is logged as a warning.'),
});

const largest = `
  SELECT format('%I.%I', n.nspname, c.relname) AS table, NULLIF(c.reltuples, -1)::float8 AS rows,
    pg_total_relation_size(c.oid) / 1048576.0::float8 AS megabytes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND ($1::text IS NULL OR n.nspname = $1)
  ORDER BY megabytes DESC NULLS LAST, 1 LIMIT $2`;

/** Reports the largest tables of the service's database, and logs a warning for each table above a limit. */
@Injectable()
@Task({ name: 'table-sizes', description: 'Reports the largest tables of the database.', input })
export class TableSizes implements TaskHandler<typeof input> {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Sorted by size, which includes indexes. `rows` is the server's estimate, null before the table's first ANALYZE. */
  async run({ schema, top, warnAboveMegabytes = Infinity }: z.infer<typeof input>, { log }: RunContext) {
    const tables = await this.database.query<TableSize[]>(largest, [schema, top]);
    for (const { table, megabytes } of tables)
      if (megabytes > warnAboveMegabytes) log.warn({ table, megabytes }, 'table is larger than warnAboveMegabytes');
    log.info({ tables: tables.length }, 'tables measured');
    return { tables };
  }
}

type TableSize = { table: string; rows: number | null; megabytes: number };

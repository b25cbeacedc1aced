import type { ConstructorOptions } from 'pg-boss';
import type { DatabaseSettings } from './data-source.js';

/** The queue of all runs. */
export const RUNS_QUEUE = 'runs';

export const queueSchema = (schema: string) => `${schema}_queue`;

/** pg-boss delivers and does nothing else: no schedules, no supervision, no registry of its own. */
export const bossOptions = ({ DATABASE_URL, DATABASE_SCHEMA }: DatabaseSettings): ConstructorOptions => ({
  connectionString: DATABASE_URL,
  schema: queueSchema(DATABASE_SCHEMA),
  createSchema: false,
  application_name: 'cronzimus queue',
  supervise: false,
  schedule: false,
  registerInstance: false,
});

import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { ApiDatabase } from '../database/api-database.js';
import type { Page } from '../http/page.js';
import { findRun, listRuns, type logsQuery, readLogs, type RunsQuery } from './read-runs.js';
import type { LogLineView, RunItem, RunView } from './run.view.js';

/** The history, for whoever asks over the API. */
@Injectable()
export class RunsService {
  constructor(private readonly database: ApiDatabase) {}

  list(query: RunsQuery): Promise<Page<RunItem>> {
    return this.database.transaction((tx) => listRuns(tx, query));
  }

  get(id: string): Promise<RunView> {
    return this.database.transaction((tx) => findRun(tx, id));
  }

  logs(id: string, query: z.output<typeof logsQuery>): Promise<Page<LogLineView>> {
    return this.database.transaction((tx) => readLogs(tx, id, query));
  }
}

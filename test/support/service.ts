import type { NestExpressApplication } from '@nestjs/platform-express';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { serve } from '../../src/application.js';
import { ENVIRONMENT, type Environment } from '../../src/config/environment.js';
import { SCHEDULER } from '../../src/database/data-source.js';
import type { Job } from '../../src/jobs/definition/job.entity.js';
import { createTestApplication } from './application.js';
import { createTestDatabase } from './database.js';
import { eventually } from './eventually.js';
import { givenJobs, jobRow } from './jobs.js';
import { TestTasksModule } from './tasks.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface RunAnswer {
  id: string;
  job: string;
  state: string;
  [field: string]: unknown;
}

/** A running service in this process, on a database of its own, with the tasks of this folder. */
export class TestService {
  private constructor(
    readonly app: NestExpressApplication,
    /** Without a trailing slash. */
    readonly url: string,
    readonly database: string,
    readonly stop: () => Promise<void>,
  ) {}

  /** `through` may return another URL of the database, such as that of a proxy. */
  static async start(
    variables: Record<string, string> = {},
    through: (databaseUrl: string) => Promise<string> = async (url) => url,
  ): Promise<TestService> {
    const database = await createTestDatabase();
    const direct = { DATABASE_DIRECT_URL: database.url };
    const app = await createTestApplication(
      await through(database.url),
      { ...direct, SHUTDOWN_GRACE_SECONDS: '0', ...variables },
      [TestTasksModule],
    );
    const drain = await serve(app, app.get<Environment>(ENVIRONMENT, { strict: false }));
    return new TestService(app, await app.getUrl(), database.url, async () => {
      await drain();
      await app.close();
      await database.drop();
    });
  }

  /** Sends a request to a path below /api/v1. A body is sent as JSON. */
  async call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const sent =
      body === undefined
        ? { headers: { 'X-Cronzimus-Request': '1', ...headers } }
        : { body: JSON.stringify(body), headers: { ...JSON_TYPE, ...headers } };
    const response = await fetch(`${this.url}/api/v1${path}`, { method, ...sent });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : null) as T };
  }

  async get<T = Record<string, unknown>>(path: string): Promise<T> {
    return (await this.call<T>('GET', path)).body;
  }

  /** Returns the items of all pages. `path` has to have a query. `between` is called after each page. */
  async allPages<T>(path: string, between: () => Promise<unknown> = async () => {}): Promise<T[]> {
    const items: T[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page<T> = await this.get(`${path}${cursor && `&cursor=${cursor}`}`);
      items.push(...page.items);
      cursor = page.nextCursor;
      await between();
    }
    return items;
  }

  given(...jobs: Job[]): Promise<void> {
    return givenJobs(this.app.get<DataSource>(getDataSourceToken(SCHEDULER), { strict: false }), jobs);
  }

  /** Requests a manual run, and waits until it is in this state. */
  async run(job: string, state: string, input?: object): Promise<RunAnswer> {
    const { body } = await this.call<RunAnswer>('POST', `/jobs/${job}/run`, { input });
    return this.reaches(body.id, state);
  }

  /** Waits until a run is in this state, and returns it. */
  reaches(id: string, state: string): Promise<RunAnswer> {
    return eventually(async () => {
      const found = await this.get<RunAnswer>(`/runs/${id}`);
      if (found.state !== state) throw new Error(`the run is not ${state}: ${JSON.stringify(found)}`);
      return found;
    });
  }
}

/** A job without occurrences. It can have manual runs. */
export const finishedJob = (name: string, task: string, written: Partial<Job> = {}): Job =>
  jobRow(name, { task, nextOccurrenceAt: null, nextRunAt: null, ...written });

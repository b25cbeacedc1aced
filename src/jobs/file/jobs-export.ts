import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { stringify } from 'yaml';
import { inSlices } from '../../core/slices.js';
import { ApiDatabase } from '../../database/api-database.js';
import { Job } from '../definition/job.entity.js';
import { jobDefinition } from '../definition/job.schema.js';

type Written = Record<string, unknown>;

/** Jobs per SELECT. Reading 500 would block the event loop for 10 ms. */
const BATCH = 100;
const HEAD = 'jobs:\n';
/** The defaults of all fields that have one. */
const {
  task: _task,
  trigger: _trigger,
  ...DEFAULTS
} = jobDefinition.parse({ task: 'any', trigger: { type: 'interval', everySeconds: 1 } });
const TRIGGER_DEFAULTS = { startAt: null, endAt: null, jitterSeconds: 0 };

/** Writes the jobs of the API and of the jobs file as a jobs file. Jobs of code are left out: the code declares them. */
@Injectable()
export class JobsExport {
  constructor(private readonly database: ApiDatabase) {}

  async asJson(): Promise<string> {
    const entries: string[] = [];
    for await (const job of this.all()) entries.push(`${JSON.stringify(job.name)}:${JSON.stringify(writtenOf(job))}`);
    return `{"jobs":{${entries.join(',')}}}`;
  }

  /** YAML 1.2 that parsers of YAML 1.1 read the same: a text such as `yes`, which is true in 1.1, is quoted. */
  async asYaml(): Promise<string> {
    const entries: string[] = [];
    for await (const job of this.all()) {
      const file = { jobs: { [job.name]: writtenOf(job) } };
      const text = stringify(file, { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' });
      entries.push(text.slice(HEAD.length));
    }
    return entries.length === 0 ? 'jobs: {}\n' : HEAD + entries.join('\n');
  }

  /** Thousands of jobs take long, and others must not wait for them. */
  private async *all(): AsyncGenerator<Job> {
    const step = inSlices();
    for (let after = ''; ;) {
      const jobs = await this.database.transaction((tx) =>
        tx
          .createQueryBuilder(Job, 'job')
          .where(`job.source <> 'code' AND job.name > :after`, { after })
          .orderBy('job.name')
          .limit(BATCH)
          .getMany(),
      );
      for (const job of jobs) {
        yield job;
        await step();
      }
      if (jobs.length < BATCH) return;
      after = jobs.at(-1)!.name;
    }
  }
}

/** The definition without default values. It gives the same job whatever DEFAULT_TIME_ZONE is and whenever it is imported. */
function writtenOf(job: Job): Written {
  const policies = { retry: without(job.retry, DEFAULTS.retry), misfire: without(job.misfire, DEFAULTS.misfire) };
  const written: Written = Object.assign({}, job as object, policies);
  const rest = Object.fromEntries(Object.keys(DEFAULTS).map((field) => [field, written[field]]));
  const { description, input, ...others } = without(rest, { ...DEFAULTS, retry: {}, misfire: {} });
  return {
    ...(description !== undefined && { description }),
    task: job.task,
    ...(input !== undefined && { input }),
    trigger: without(job.trigger, TRIGGER_DEFAULTS),
    ...others,
  };
}

/** The fields that differ from their defaults. */
const without = (value: object, defaults: object): Written =>
  Object.fromEntries(Object.entries(value).filter(([key, one]) => !isDeepStrictEqual(one, (defaults as Written)[key])));

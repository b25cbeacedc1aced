import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { stringify } from 'yaml';
import { ApiDatabase } from '../../database/api-database.js';
import { Job } from '../definition/job.entity.js';
import { jobDefinition } from '../definition/job.schema.js';

type Written = Record<string, unknown>;

const BATCH = 500;
const HEAD = 'jobs:\n';
/** Of the policies, and of the fields with a default. */
const {
  task: _task,
  trigger: _trigger,
  ...DEFAULTS
} = jobDefinition.parse({
  task: 'any',
  trigger: { type: 'interval', everySeconds: 1 },
});
const TRIGGER_DEFAULTS = { startAt: null, endAt: null, jitterSeconds: 0 };

/** Writes the jobs as a jobs file. Those of code are left out: they come with the code. */
@Injectable()
export class JobsExport {
  constructor(private readonly database: ApiDatabase) {}

  async asObject(): Promise<{ jobs: Record<string, Written> }> {
    const jobs: Record<string, Written> = {};
    for await (const job of this.all()) jobs[job.name] = writtenOf(job);
    return { jobs };
  }

  /** Whoever reads it by YAML 1.1, where a bare `yes` is true, gets the same. */
  async asYaml(): Promise<string> {
    const entries: string[] = [];
    for await (const job of this.all()) {
      const file = { jobs: { [job.name]: writtenOf(job) } };
      const text = stringify(file, { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' });
      entries.push(text.slice(HEAD.length));
      // One by one, since others wait.
      await nextTurn();
    }
    return entries.length === 0 ? 'jobs: {}\n' : HEAD + entries.join('\n');
  }

  private async *all(): AsyncGenerator<Job> {
    for (let after = ''; ;) {
      const jobs = await this.database.transaction((tx) =>
        tx
          .createQueryBuilder(Job, 'job')
          .where(`job.source <> 'code' AND job.name > :after`, { after })
          .orderBy('job.name')
          .limit(BATCH)
          .getMany(),
      );
      yield* jobs;
      if (jobs.length < BATCH) return;
      after = jobs.at(-1)!.name;
    }
  }
}

/** What has to be written to get the job as it is now, whatever DEFAULT_TIME_ZONE is and whenever it is read. */
export function writtenOf(job: Job): Written {
  const policies = { retry: beside(job.retry, DEFAULTS.retry), misfire: beside(job.misfire, DEFAULTS.misfire) };
  const written: Written = Object.assign({}, job as object, policies);
  const rest = Object.fromEntries(Object.keys(DEFAULTS).map((field) => [field, written[field]]));
  const { description, input, ...others } = beside(rest, { ...DEFAULTS, retry: {}, misfire: {} });
  return {
    ...(description !== undefined && { description }),
    task: job.task,
    ...(input !== undefined && { input }),
    trigger: beside(job.trigger, TRIGGER_DEFAULTS),
    ...others,
  };
}

/** What differs from the defaults. */
const beside = (value: object, defaults: object): Written =>
  Object.fromEntries(Object.entries(value).filter(([key, one]) => !isDeepStrictEqual(one, (defaults as Written)[key])));

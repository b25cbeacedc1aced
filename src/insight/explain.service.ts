import { Injectable } from '@nestjs/common';
import type { Caller } from '../compute/caller.js';
import { Compute } from '../compute/compute.js';
import { ApiDatabase } from '../database/api-database.js';
import { JobNotFoundError } from '../jobs/definition/job-errors.js';
import { scheduleOf } from '../jobs/definition/job-fields.js';
import { versionAt } from './explain-facts.js';
import { judge } from './explain-verdict.js';
import type { Explanation } from './explain.view.js';
import { readBlockingRun, readLosses, readPauses, readPresent, readRow, readVersions } from './read-explain-facts.js';

@Injectable()
export class ExplainService {
  constructor(
    private readonly database: ApiDatabase,
    private readonly compute: Compute,
  ) {}

  /** Says why a job ran or did not run at an instant, from facts alone: at most five look-ups by an index, a small table, and one computation.
   *  `showsActors` adds who has changed or paused it. Throws JOB_NOT_FOUND, TOO_MANY_WAITING, COMPUTATION_FAILED. */
  async explain(caller: Caller, name: string, at: Date, showsActors: boolean): Promise<Explanation> {
    const read = await this.database.transaction(async (tx) => {
      const present = await readPresent(tx, name);
      const versions = await readVersions(tx, name, at);
      const jobId = versions.before?.jobId ?? versions.after?.jobId ?? present.job?.id;
      if (jobId === undefined) throw new JobNotFoundError(name);
      const row = await readRow(tx, jobId, at);
      const pauses = await readPauses(tx, jobId, at < present.now ? at : present.now);
      const isSkipped = row?.state === 'skipped' && row.reason === 'overlap';
      const blockedBy = isSkipped ? await readBlockingRun(tx, name, jobId, row.id, row.queuedAt) : null;
      const losses = row ? [] : await readLosses(tx, at);
      return { at, present, versions, row, pauses, blockedBy, losses };
    });
    const version = versionAt(read.versions, at);
    const explained = version
      ? await this.compute.explainInstant(caller, {
          schedule: scheduleOf(version),
          seed: version.jobId,
          at: at.getTime(),
        })
      : null;
    const judgement = judge({ ...read, explained });
    return {
      at,
      ...judgement,
      evidence: judgement.evidence.map(({ by, ...fact }) => (showsActors && by !== undefined ? { ...fact, by } : fact)),
      definition: version && { version: version.version, validFrom: version.validFrom, validTo: version.validTo },
      neighbours: { before: dateOf(explained?.before), after: dateOf(explained?.after) },
    };
  }
}

const dateOf = (ms: number | null | undefined): Date | null => (ms === null || ms === undefined ? null : new Date(ms));

import { Injectable } from '@nestjs/common';
import { PruneRuns } from '../../runs/lifecycle/prune-runs.task.js';
import { prunePauses } from './job-pauses.js';
import { pruneVersions } from './job-versions.js';

/** Makes prune-runs delete old versions and pauses of jobs too, which explain runs that are gone. */
@Injectable()
export class PruneHistory {
  constructor(pruneRuns: PruneRuns) {
    pruneRuns.alsoPrune(pruneVersions, prunePauses);
  }
}

import type { ExplainedInstant } from '../core/triggers/explain-instant.js';
import type { Schedule } from '../core/triggers/trigger.js';
import type { MisfirePolicy } from '../jobs/definition/job.entity.js';
import type { RunKind, RunState } from '../runs/lifecycle/run.entity.js';

/** What holds now, whatever instant is asked about. */
export interface PresentFacts {
  now: Date;
  prunedUntil: Date | null;
  schedulerPaused: boolean;
  schedulers: number;
  workers: number;
  /** Null: there is no job of that name now. */
  job: {
    id: string;
    task: string;
    paused: boolean;
    pausedUntil: Date | null;
    nextOccurrenceAt: Date | null;
    nextRunAt: Date | null;
  } | null;
}

export interface VersionFacts extends Schedule {
  jobId: string;
  version: number;
  validFrom: Date;
  validTo: Date | null;
  deleted: boolean;
  earlierUnknown: boolean;
  tzVersion: string | null;
  task: string;
  overlap: string;
  misfire: MisfirePolicy;
  by: string | null;
}

export interface RowFacts {
  id: string;
  kind: RunKind;
  state: RunState;
  reason: string | null;
  scheduledAt: Date;
  dueAt: Date;
  queuedAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  nextAttemptAt: Date | null;
  latenessMs: number | null;
  attempt: number;
  held: boolean;
  task: string;
  missedTo: Date | null;
  missedCount: number | null;
  /** The first ten of those that did not succeed. */
  attempts: { number: number; replica: string | null; state: string; code: string | null; finishedAt: Date | null }[];
}

export interface PauseFacts {
  /** False: the whole scheduler was paused. */
  isOfJob: boolean;
  pausedAt: Date;
  endedAt: Date | null;
  until: Date | null;
  reason: string | null;
  by: string | null;
  endedBy: string | null;
}

export type BlockingRun = Pick<RowFacts, 'id' | 'kind' | 'state' | 'scheduledAt' | 'finishedAt'>;

/** A range of time of which the database is known to have lost committed data. Both ends are included. */
export interface LossFacts {
  /** Null: it is not known since when. */
  from: Date | null;
  until: Date;
}

/** All that is known about an instant. */
export interface Facts {
  at: Date;
  present: PresentFacts;
  /** The last version that began before the instant, and the first one after it. */
  versions: { before: VersionFacts | null; after: VersionFacts | null };
  /** By the version that applied or, if none did, by none. */
  explained: ExplainedInstant | null;
  row: RowFacts | null;
  pauses: PauseFacts[];
  blockedBy: BlockingRun | null;
  /** Those that ended at the instant or later. */
  losses: LossFacts[];
}

/** The version that applied to an instant. Null: the job did not exist, or that is not known. */
export function versionAt({ before }: Facts['versions'], at: Date): VersionFacts | null {
  return before && (before.validTo === null || at <= before.validTo) ? before : null;
}

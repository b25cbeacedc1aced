import type { DataSource } from 'typeorm';
import { v7 } from 'uuid';
import type { Actor } from '../../src/auth/actor.js';
import { NO_BASIS } from '../../src/core/triggers/zone-data.js';
import { Job } from '../../src/jobs/definition/job.entity.js';
import { jobDefinition } from '../../src/jobs/definition/job.schema.js';

/** The actor of requests without a key. */
export const ANONYMOUS: Actor = { name: 'anonymous', role: 'admin', origin: null };

export const NOON = new Date('2026-06-01T12:00:00Z');

export const EVERY_SECOND = {
  type: 'interval',
  everySeconds: 1,
  anchor: '2026-01-01T00:00:00.000Z',
  startAt: null,
  endAt: null,
  jitterSeconds: 0,
} as const;

const ONCE_AT_NOON = { type: 'date', at: NOON.toISOString() } as const;

/** The row of a job, with defaults for all fields that `written` does not have. */
export const jobRow = (name: string, written: Partial<Job> = {}): Job => ({
  id: v7(),
  name,
  ...jobDefinition.parse({ task: 'hold', trigger: ONCE_AT_NOON }),
  trigger: ONCE_AT_NOON,
  declaredPaused: false,
  pausedAt: null,
  pausedUntil: null,
  pauseReason: null,
  source: 'api',
  owner: null,
  version: 1,
  nextOccurrenceAt: NOON,
  nextRunAt: NOON,
  ...NO_BASIS,
  createdAt: NOON,
  updatedAt: NOON,
  ...written,
});

export async function givenJobs(source: DataSource, jobs: Job[]): Promise<void> {
  await source.transaction(async (tx) => {
    await tx.query('SET LOCAL search_path TO cronzimus');
    await tx.insert(Job, jobs);
  });
}

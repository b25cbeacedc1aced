import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TriggerDefinition } from '../../core/triggers/trigger.js';
import type { ZoneBasis } from '../../core/triggers/zone-data.js';
import { definitionFields, type JobDefinition } from './job.schema.js';

export const jobSources = ['code', 'file', 'api'] as const;
export type JobSource = (typeof jobSources)[number];

/** As the API shows it: `finished` means that no occurrence is left, paused or not. */
export const jobStates = ['active', 'paused', 'finished'] as const;

export type OverlapPolicy = JobDefinition['overlap'];
export type MisfirePolicy = JobDefinition['misfire'];

/** What to run and when. `nextRunAt` alone decides when the job is due; timers only wake the dispatcher. Times are UTC, in whole
 *  milliseconds. */
@Entity('jobs')
export class Job {
  @PrimaryColumn('uuid') id: string;
  @Column('text') name: string;
  @Column('text') description: string;
  @Column('text') task: string;
  @Column('jsonb') input: object;
  @Column('jsonb') trigger: TriggerDefinition;
  @Column({ type: 'jsonb', name: 'clock_change' }) clockChange: JobDefinition['clockChange'];
  @Column('boolean') paused: boolean;
  /** The `paused` of the declaration. A pause or resume over the API does not change it, unless the job is of source `api`. */
  @Column({ type: 'boolean', name: 'declared_paused' }) declaredPaused: boolean;
  /** When the pause began. Null: the job is not paused, or that is unknown. */
  @Column({ type: 'timestamptz', name: 'paused_at', precision: 3, nullable: true }) pausedAt: Date | null;
  /** When the pause ends by itself. What is due then or later runs. Null: not by itself. */
  @Column({ type: 'timestamptz', name: 'paused_until', precision: 3, nullable: true }) pausedUntil: Date | null;
  /** Why the job is paused, for people. Null: nobody said. */
  @Column({ type: 'text', name: 'pause_reason', nullable: true }) pauseReason: string | null;
  @Column('integer') priority: number;
  @Column({ type: 'text', array: true }) tags: string[];
  @Column({ type: 'double precision', name: 'timeout_seconds' }) timeoutSeconds: number;
  @Column('jsonb') retry: JobDefinition['retry'];
  @Column({ type: 'text', name: 'on_interruption' }) onInterruption: JobDefinition['onInterruption'];
  @Column('jsonb') misfire: MisfirePolicy;
  @Column('text') overlap: OverlapPolicy;
  /** Null: the alerts of the channels file apply. */
  @Column({ type: 'jsonb', nullable: true }) alerts: JobDefinition['alerts'];
  @Column('text') source: JobSource;
  /** The APP_NAME that declares the job; null for source `api`. */
  @Column({ type: 'text', nullable: true }) owner: string | null;
  /** Rises with each change of the definition. */
  @Column('integer') version: number;
  /** The first occurrence that has no row in `runs` yet. Null: no occurrence is left. */
  @Column({ type: 'timestamptz', name: 'next_occurrence_at', precision: 3, nullable: true })
  nextOccurrenceAt: Date | null;
  /** When the job is due: `nextOccurrenceAt` plus its jitter, or later after an error in dispatching it. Null: never. */
  @Column({ type: 'timestamptz', name: 'next_run_at', precision: 3, nullable: true }) nextRunAt: Date | null;
  /** The time zone data with which `nextOccurrenceAt` was computed, see ZoneBasis. Null: unknown, or the trigger needs none. */
  @Column({ type: 'text', name: 'tz_version', nullable: true }) tzVersion: string | null;
  @Column({ type: 'timestamptz', name: 'decided_until', precision: 3, nullable: true }) decidedUntil: Date | null;
  @Column({ type: 'integer', name: 'decided_offset_ms', nullable: true }) decidedOffsetMs: number | null;
  @Column({ type: 'timestamptz', name: 'created_at', precision: 3 }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'updated_at', precision: 3 }) updatedAt: Date;
}

/** A job as far as dispatching it needs it: without what only people read. */
export type DueJob = Pick<
  Job,
  | 'id'
  | 'name'
  | 'nextOccurrenceAt'
  | 'pausedUntil'
  | keyof ZoneBasis
  | Exclude<keyof JobDefinition, 'description' | 'tags' | 'alerts'>
>;
export const decidingFields: readonly (keyof DueJob)[] = [
  'id',
  'name',
  'nextOccurrenceAt',
  'pausedUntil',
  'tzVersion',
  'decidedUntil',
  'decidedOffsetMs',
  ...definitionFields.filter((field) => field !== 'description' && field !== 'tags' && field !== 'alerts'),
];

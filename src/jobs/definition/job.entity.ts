import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TriggerDefinition } from '../../core/triggers/trigger.js';
import type { RetryPolicy } from '../../runs/lifecycle/run.entity.js';

export const jobSources = ['code', 'file', 'api'] as const;
export type JobSource = (typeof jobSources)[number];

export type OverlapPolicy = 'allow' | 'skip' | 'queue' | 'replace';

export interface MisfirePolicy {
  policy: 'skip' | 'once' | 'all';
  graceSeconds: number;
  maxCatchUp: number;
}

/** What decides what becomes of its occurrences, and what runs copy. */
export const decidingFields = [
  'id',
  'name',
  'task',
  'input',
  'trigger',
  'paused',
  'priority',
  'timeoutSeconds',
  'retry',
  'onInterruption',
  'misfire',
  'overlap',
  'nextOccurrenceAt',
] as const satisfies (keyof Job)[];
export type DueJob = Pick<Job, (typeof decidingFields)[number]>;

/** What to run and when. `nextRunAt` is the only truth about time; timers are alarm clocks. Times are UTC, whole milliseconds. */
@Entity('jobs')
export class Job {
  @PrimaryColumn('uuid') id: string;
  @Column('text') name: string;
  @Column('text') description: string;
  @Column('text') task: string;
  @Column('jsonb') input: object;
  @Column('jsonb') trigger: TriggerDefinition;
  @Column('boolean') paused: boolean;
  /** What its declaration says, whatever was paused or resumed by hand since. */
  @Column({ type: 'boolean', name: 'declared_paused' }) declaredPaused: boolean;
  @Column('integer') priority: number;
  @Column({ type: 'text', array: true }) tags: string[];
  @Column({ type: 'double precision', name: 'timeout_seconds' }) timeoutSeconds: number;
  @Column('jsonb') retry: RetryPolicy;
  @Column({ type: 'text', name: 'on_interruption' }) onInterruption: 'rerun' | 'fail';
  @Column('jsonb') misfire: MisfirePolicy;
  @Column('text') overlap: OverlapPolicy;
  @Column('text') source: JobSource;
  /** The APP_NAME that declares it; null for `api`. */
  @Column({ type: 'text', nullable: true }) owner: string | null;
  /** Rises with each change of the definition. */
  @Column('integer') version: number;
  /** The first occurrence without disposition. Null: none is left. */
  @Column({ type: 'timestamptz', name: 'next_occurrence_at', precision: 3, nullable: true })
  nextOccurrenceAt: Date | null;
  /** When to look at it next: `nextOccurrenceAt` with its jitter, or later where the job could not be decided. */
  @Column({ type: 'timestamptz', name: 'next_run_at', precision: 3, nullable: true }) nextRunAt: Date | null;
  @Column({ type: 'timestamptz', name: 'created_at', precision: 3 }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'updated_at', precision: 3 }) updatedAt: Date;
}

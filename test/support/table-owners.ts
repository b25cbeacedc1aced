/** Who may write a table of the service. Everybody may read it. */
export interface TableOwner {
  /** The folder below src whose files may write it, in any way. Null: only a trigger of the database writes it. */
  owner: string | null;
  /** Other folders that may UPDATE the columns named, and nothing else. */
  updates?: Record<string, string[]>;
}

/** Every table of the migrations. test/architecture/table-owners.spec.ts compares it with the migrations and with the code. */
export const tableOwners: Record<string, TableOwner> = {
  jobs: {
    owner: 'jobs/store',
    updates: {
      'jobs/dispatch': ['next_occurrence_at', 'next_run_at', 'tz_version', 'decided_until', 'decided_offset_ms'],
      // A pause is no change of the definition, so it does not go through the editor of definitions.
      'jobs/history': ['paused', 'declared_paused', 'paused_at', 'paused_until', 'pause_reason', 'updated_at'],
    },
  },
  /** Written by the trigger jobs_terms of `jobs`. */
  job_terms: { owner: null },
  runs: { owner: 'runs/lifecycle' },
  run_queue: { owner: 'runs/lifecycle' },
  run_attempts: { owner: 'runs/lifecycle' },
  run_logs: { owner: 'runs/worker' },
  idempotency_keys: { owner: 'runs/lifecycle' },
  replicas: { owner: 'replicas', updates: { 'jobs/declared': ['code_jobs', 'file_jobs'] } },
  data_losses: { owner: 'runs/recovery' },
  tasks: { owner: 'tasks' },
  job_versions: { owner: 'jobs/history' },
  job_pauses: { owner: 'jobs/history' },
  history_bounds: { owner: 'runs/lifecycle' },
  scheduler: {
    owner: 'scheduler',
    // A pause that ends by itself.
    updates: { 'jobs/history': ['paused', 'resumed_at', 'paused_at', 'paused_until', 'pause_reason'] },
  },
  audit: { owner: 'auth' },
  alerting: { owner: 'alerts' },
  incidents: { owner: 'alerts' },
  incident_messages: { owner: 'alerts' },
  incident_checks: { owner: 'alerts' },
};

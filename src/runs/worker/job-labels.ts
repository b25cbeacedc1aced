/** Each is a series for every kind, state and reason, for as long as the process lives. */
const MOST_JOBS = 500;

/** The names of jobs as labels: those of the first 500 that this process comes by; all others are `other`. */
export class JobLabels {
  private readonly known = new Set<string>();

  of(job: string): string {
    if (this.known.has(job)) return job;
    if (this.known.size >= MOST_JOBS) return 'other';
    this.known.add(job);
    return job;
  }
}

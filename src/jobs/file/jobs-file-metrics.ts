import { Injectable } from '@nestjs/common';
import { Metrics } from '../../metrics/metrics.js';

/** Metrics of the jobs file. They have no values if there is no jobs file. */
@Injectable()
export class JobsFileMetrics {
  private readonly reloads;
  /** The last read; null before the first. */
  private last: { success: boolean; at: number } | null = null;
  /** The digest of the jobs file that is declared. Null before the first. */
  private hash: string | null = null;

  constructor(metrics: Metrics) {
    const reloads = 'How often the jobs file was read: success, unchanged (same content as before) or rejected';
    this.reloads = metrics.counter('jobs_file_reloads_total', reloads, ['result']);
    const success = 'Whether the last read of the jobs file succeeded and its jobs were declared';
    metrics.gauge('jobs_file_last_reload_success', success, [], () =>
      this.last ? [{ value: Number(this.last.success) }] : [],
    );
    metrics.gauge('jobs_file_last_reload_timestamp_seconds', 'When the jobs file was last read', [], () =>
      this.last ? [{ value: this.last.at / 1000 }] : [],
    );
    const info = 'Always 1; the digest of the declared jobs file, equal in all replicas with the same content';
    metrics.gauge('jobs_file_info', info, ['hash'], () =>
      this.hash === null ? [] : [{ labels: { hash: this.hash }, value: 1 }],
    );
  }

  /** Call this when the jobs of the file have been declared. */
  accepted(hash: string): void {
    this.count(hash === this.hash ? 'unchanged' : 'success');
    this.hash = hash;
  }

  rejected(): void {
    this.count('rejected');
  }

  private count(result: 'success' | 'unchanged' | 'rejected'): void {
    this.reloads.inc({ result });
    this.last = { success: result !== 'rejected', at: Date.now() };
  }
}

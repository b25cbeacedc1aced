import { Injectable } from '@nestjs/common';
import { Metrics } from '../../metrics/metrics.js';

/** What became of the jobs file; nothing is told where there is none. */
@Injectable()
export class JobsFileMetrics {
  private readonly reloads;
  /** Null: it was not read yet. */
  private last: { success: boolean; at: number } | null = null;
  private hash: string | null = null;

  constructor(metrics: Metrics) {
    const reloads = 'How often the jobs file was read: success, unchanged (it says what it said) or rejected';
    this.reloads = metrics.counter('jobs_file_reloads_total', reloads, ['result']);
    const success = 'Whether what the jobs file said last was taken up';
    metrics.gauge('jobs_file_last_reload_success', success, [], () =>
      this.last ? [{ value: Number(this.last.success) }] : [],
    );
    metrics.gauge('jobs_file_last_reload_timestamp_seconds', 'When the jobs file was last read', [], () =>
      this.last ? [{ value: this.last.at / 1000 }] : [],
    );
    const info = 'Always 1; the digest of the jobs file that is in force, the same in each replica that has the same';
    metrics.gauge('jobs_file_info', info, ['hash'], () =>
      this.hash === null ? [] : [{ labels: { hash: this.hash }, value: 1 }],
    );
  }

  /** Its jobs are declared. */
  taken(hash: string): void {
    this.read(hash === this.hash ? 'unchanged' : 'success');
    this.hash = hash;
  }

  rejected(): void {
    this.read('rejected');
  }

  private read(result: 'success' | 'unchanged' | 'rejected'): void {
    this.reloads.inc({ result });
    this.last = { success: result !== 'rejected', at: Date.now() };
  }
}

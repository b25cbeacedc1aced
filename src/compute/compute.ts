import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Fault } from '../core/problem.js';
import { unstorable } from '../core/storable-json.js';
import type { ExplainedInstant } from '../core/triggers/explain-instant.js';
import type { ExplainInput, OccurrencesInput } from './compute.thread.js';
import { ComputeThread } from './compute-thread.js';
import { type Caller, FairQueue } from '../core/fair-queue.js';
import type { LedgerCheckInput, LedgerCheckResult, LedgerItem, LedgerPageInput } from './ledger.js';
import type { Preview, PreviewInput } from './preview.js';

/** Computes, for requests, what costs time by their input alone. All computations of this process share one thread and one queue.
 *  Each method throws TOO_MANY_WAITING and COMPUTATION_FAILED. */
@Injectable()
export class Compute implements OnModuleDestroy {
  private readonly queue = new FairQueue({ concurrency: 1, maxWaiting: 50, maxMs: 30_000 });
  private readonly thread = new ComputeThread();

  /** The preview of a trigger, or the faults of the request. */
  async preview(caller: Caller, input: PreviewInput): Promise<Preview | Fault[]> {
    // A value that is nested too deep cannot be sent to a thread.
    const bad = unstorable(input.body);
    if (bad) return [bad];
    return this.queue.run(caller, () => this.thread.run({ name: 'preview', input }));
  }

  /** Occurrences in ascending order. `read` is called when it is the turn of the caller. Null: there are none. */
  async occurrences(caller: Caller, read: () => Promise<OccurrencesInput | null>): Promise<Date[]> {
    const found = await this.queue.run(caller, async () => {
      const input = await read();
      return input ? this.thread.run<number[]>({ name: 'occurrences', input }) : [];
    });
    return found.map((at) => new Date(at));
  }

  /** Compares instants with rows. Bounded by its input, to less than a second. */
  checkLedger(caller: Caller, input: LedgerCheckInput): Promise<LedgerCheckResult> {
    return this.queue.run(caller, () => this.thread.run({ name: 'checkLedger', input }));
  }

  pageOfLedger(caller: Caller, input: LedgerPageInput): Promise<LedgerItem[]> {
    return this.queue.run(caller, () => this.thread.run({ name: 'pageOfLedger', input }));
  }

  /** Whether an instant is an occurrence of a trigger, and if not, why not. */
  explainInstant(caller: Caller, input: ExplainInput): Promise<ExplainedInstant> {
    return this.queue.run(caller, () => this.thread.run({ name: 'explainInstant', input }));
  }

  async onModuleDestroy(): Promise<void> {
    await this.thread.stop();
  }
}

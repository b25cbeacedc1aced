import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { afterCommit } from '../../database/transaction.js';
import { Replicas } from '../../replicas/replicas.js';
import { mayClaim } from '../lifecycle/claim-runs.js';
import type { RecordedRun, RunDraft } from '../lifecycle/run-draft.js';
import { Executor } from './executor.js';
import { Slots } from './slots.js';

/** Runs that start in the process that makes them, where it has free slots: they need no ticket, no notice and no claim. Made
 *  as running, they are taken over as any other when the process dies before it has begun with them. */
@Injectable()
export class DirectStarts {
  constructor(
    private readonly executor: Executor,
    private readonly slots: Slots,
    private readonly replicas: Replicas,
  ) {}

  /** Hands `work` the slots that are free, at most one of `share` parts of all, for one transaction, and keeps them from others
   *  until it has ended. */
  async withSlots<T>(share: number, work: (reserved: number) => Promise<T>): Promise<T> {
    const reserved = this.slots.reserve(share);
    try {
      return await work(reserved);
    } finally {
      this.slots.release(reserved);
      this.executor.freed();
    }
  }

  /** How many of the slots may be used: none by a process that was taken for dead, or while the scheduler is paused. */
  async allowed(tx: EntityManager, reserved: number): Promise<number> {
    return reserved > 0 && (await mayClaim(tx, this.replicas.number)) ? reserved : 0;
  }

  /** The drafts, of which as many as there are slots are to start here: the highest priority first, then those due first. */
  choose(drafts: RunDraft[], slots: number): RunDraft[] {
    const { number, name } = this.replicas;
    const able = drafts.filter(
      ({ state, held, task }) => state === 'pending' && !held && slots > 0 && this.slots.takesDirectly(task),
    );
    const first = new Set(able.toSorted((a, b) => b.priority - a.priority).slice(0, slots));
    return drafts.map((draft) => (first.has(draft) ? { ...draft, startedBy: { number, name } } : draft));
  }

  /** Begins with those of the written runs that are to start here, once they are committed. */
  begin(tx: EntityManager, written: RecordedRun[]): void {
    afterCommit(tx, () => {
      for (const run of written)
        if (run.startedBy && run.startedAt)
          this.executor.begin({
            ...run,
            startedAt: run.startedAt,
            latenessMs: run.latenessMs ?? 0,
            attempt: 1,
            retriesUsed: 0,
            ticket: null,
            replicaNumber: run.startedBy.number,
            replica: run.startedBy.name,
          });
    });
  }
}

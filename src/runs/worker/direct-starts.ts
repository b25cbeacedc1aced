import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { afterCommit } from '../../database/transaction.js';
import { Replicas } from '../../replicas/replicas.js';
import { mayStartRuns } from '../lifecycle/claim-runs.js';
import type { CreatedRun, RunDraft } from '../lifecycle/create-runs.js';
import { Executor } from './executor.js';
import { NONE, type Reservation, sizeOf, Slots } from './slots.js';

/** How long a creation waits for a slot, in a process whose slots become free quickly. */
const MAX_WAIT_MS = 50;

/**
 * Starts runs in the process that creates them, if it has free slots. Such a run needs no queue entry, no notification
 * and no claim.
 *
 * The run is created as `running`, attempt 1, owned by this replica. Its task starts after the commit. If the process
 * dies between the commit and the start, the run is taken over like any other run of a dead process.
 */
@Injectable()
export class DirectStarts {
  constructor(
    private readonly executor: Executor,
    private readonly slots: Slots,
    private readonly replicas: Replicas,
  ) {}

  /** Whether slots become free so quickly that due jobs may wait for them. False if there are replicas that only work
   *  and do not schedule: they can help only with runs that are in the queue. */
  get turnsOver(): boolean {
    return this.slots.turnsOver && !this.replicas.hasPureWorkers;
  }

  /** How many slots became free within the last 50 ms. */
  get turnover(): number {
    return this.slots.turnover;
  }

  /** Reserves free slots while `work` runs one transaction: at most one of `share` equal parts of all slots. If none is
   *  free and slots become free quickly, it first waits up to 50 ms. The reservation keeps claims and other creations
   *  from taking the same slots. It is released after the runs hold their slots, or after the transaction failed. */
  async withSlots<T>(share: number, work: (reserved: Reservation) => Promise<T>): Promise<T> {
    const reserved = await this.reserve(share);
    try {
      return await work(reserved);
    } finally {
      this.slots.release(reserved);
    }
  }

  /** The part of the reservation that may be used: nothing while the scheduler is paused, and nothing in a process that
   *  others have declared dead or soon may. Locks the replica's row, as a claim does, so that the runs created in `tx` belong to a
   *  replica that exists. */
  async allowed(tx: EntityManager, reserved: Reservation): Promise<Reservation> {
    if (sizeOf(reserved) === 0 || this.replicas.silent) return NONE;
    return (await mayStartRuns(tx, this.replicas.number)) ? reserved : NONE;
  }

  /** Marks the drafts that start here, as many as the reservation allows: the highest priority first, then the order in
   *  which they are due. A run that must not be started twice (`onInterruption: fail`) starts here only if it gets a
   *  free slot. */
  choose(drafts: RunDraft[], { slots, ahead }: Reservation): RunDraft[] {
    const { number, name } = this.replicas;
    const able = drafts
      .filter(({ state, held, task }) => state === 'pending' && !held && this.slots.startsDirectly(task))
      .toSorted((a, b) => b.priority - a.priority);
    const inSlots = able.slice(0, slots);
    const waiting = able.slice(slots).filter(({ onInterruption }) => onInterruption !== 'fail');
    const chosen = new Map<RunDraft, NonNullable<RunDraft['startedBy']>>([
      ...inSlots.map((draft) => [draft, { number, name, ahead: false }] as const),
      ...waiting.slice(0, ahead).map((draft) => [draft, { number, name, ahead: true }] as const),
    ]);
    return drafts.map((draft) => (chosen.has(draft) ? { ...draft, startedBy: chosen.get(draft)! } : draft));
  }

  /** After `tx` has committed, starts those of the created runs that were marked to start here. */
  begin(tx: EntityManager, created: CreatedRun[]): void {
    afterCommit(tx, () => {
      this.executor.accept(
        created.flatMap(({ startedBy, startedAt, idempotencyKey = null, ...run }) =>
          startedBy && startedAt
            ? {
                ...run,
                startedAt,
                idempotencyKey,
                attempt: 1,
                retriesUsed: 0,
                claimedAhead: startedBy.ahead,
                suspect: false,
                replicaNumber: startedBy.number,
                replica: startedBy.name,
              }
            : [],
        ),
      );
    });
  }

  private async reserve(share: number): Promise<Reservation> {
    const deadline = performance.now() + MAX_WAIT_MS;
    for (;;) {
      const reserved = this.slots.reserveForCreation(share, this.turnsOver);
      const leftMs = deadline - performance.now();
      if (sizeOf(reserved) > 0 || !this.turnsOver || leftMs <= 0) return reserved;
      await this.slots.creatable(leftMs);
    }
  }
}

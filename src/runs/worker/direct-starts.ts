import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { afterCommit } from '../../database/transaction.js';
import { Replicas } from '../../replicas/replicas.js';
import { mayStartRuns } from '../lifecycle/claim-runs.js';
import type { CreatedRun, RunDraft } from '../lifecycle/create-runs.js';
import { Executor } from './executor.js';
import { NONE, type Reservation, sizeOf, Slots } from './slots.js';

/** Slots that turn over are waited for at most this long. */
const MAX_WAIT_MS = 20;

/** Runs that start in the process that creates them, where it has free slots: they need no queue entry, no notification and no claim.
 *  They are created as running. When the process dies before it has begun with them, they are taken over like any others. */
@Injectable()
export class DirectStarts {
  constructor(
    private readonly executor: Executor,
    private readonly slots: Slots,
    private readonly replicas: Replicas,
  ) {}

  /** Whether slots become free so fast that what is due may wait for them. Not beside workers that do not schedule: they see only what is
   *  in the queue. */
  get turnOver(): boolean {
    return this.slots.turnOver && !this.replicas.hasPureWorkers;
  }

  /** Reserves free slots for one transaction of `work`, at most one of `share` parts of all. Where they turn over fast, it waits a
   *  moment for them. */
  async withSlots<T>(share: number, work: (reserved: Reservation) => Promise<T>): Promise<T> {
    const reserved = await this.reserve(share);
    try {
      return await work(reserved);
    } finally {
      this.slots.release(reserved);
    }
  }

  /** What of the reservation may be used: nothing by a process that others took for dead, or while the scheduler is paused. */
  async allowed(tx: EntityManager, reserved: Reservation): Promise<Reservation> {
    if (sizeOf(reserved) === 0) return NONE;
    return (await mayStartRuns(tx, this.replicas.number)) ? reserved : NONE;
  }

  /** Marks as many of the drafts as there is capacity for to start here: the highest priority first, then those due first. A run that must
   *  not be started twice takes a slot, and is never ahead. */
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

  /** Begins with those of the created runs that start here, once they are committed. */
  begin(tx: EntityManager, created: CreatedRun[]): void {
    afterCommit(tx, () => {
      this.executor.accept(
        created.flatMap(({ startedBy, startedAt, ...run }) =>
          startedBy && startedAt
            ? {
                ...run,
                startedAt,
                attempt: 1,
                retriesUsed: 0,
                claimedAhead: startedBy.ahead,
                replicaNumber: startedBy.number,
                replica: startedBy.name,
              }
            : [],
        ),
      );
    });
  }

  private async reserve(share: number): Promise<Reservation> {
    const reserved = this.slots.reserveForCreation(share, this.turnOver);
    if (sizeOf(reserved) > 0 || !this.turnOver || this.slots.moreLiveWait) return reserved;
    await this.available();
    return this.slots.reserveForCreation(share, true);
  }

  private async available(): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.slots.offAvailable(go);
        resolve();
      };
      const timer = setTimeout(go, MAX_WAIT_MS);
      this.slots.onAvailable(go);
    });
  }
}

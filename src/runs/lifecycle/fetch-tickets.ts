import type { EntityManager } from 'typeorm';
import type { FetchedTicket, Lane, RunQueue } from './run-queue.js';

/** What a worker can start now. */
export interface FreeSlots {
  slots: number;
  /** How many of them may be of transactional tasks, which need a connection each. */
  transactional: number;
  /** How many of each may be of runs in the background; null: not to be asked for now. */
  background: { slots: number; transactional: number } | null;
  transactionalTasks: string[];
  /** What the process has found that it does not know; passed over for a while. */
  unknownTasks: string[];
  knows: (task: string) => boolean;
}

export interface Fetched {
  tickets: FetchedTicket[];
  /** Whether a limit ended it, so that more may wait for it. */
  limited: boolean;
  /** How many are of the background; null: it was not asked for. */
  background: number | null;
}

type Room = Pick<FreeSlots, 'slots' | 'transactional' | 'transactionalTasks' | 'unknownTasks'>;

/** What is live first; then, with the slots that are left, what is in the background. */
export async function fetchTickets(tx: EntityManager, queue: RunQueue, free: FreeSlots): Promise<Fetched> {
  const live = await fetchLane(tx, queue, 'live', free);
  if (!free.background) return { ...live, background: null };
  const transactional = live.tickets.filter(({ task }) => free.transactionalTasks.includes(task)).length;
  const background = await fetchLane(tx, queue, 'background', {
    ...free,
    slots: Math.min(free.slots - live.tickets.length, free.background.slots),
    transactional: Math.min(free.transactional - transactional, free.background.transactional),
  });
  return {
    tickets: [...live.tickets, ...background.tickets],
    limited: live.limited || background.limited,
    background: background.limited ? null : background.tickets.length,
  };
}

/** In the order of priority while any task can start; then those that need no connection. */
async function fetchLane(tx: EntityManager, queue: RunQueue, lane: Lane, room: Room) {
  const { slots, transactional, transactionalTasks, unknownTasks } = room;
  if (slots <= 0) return { tickets: [], limited: true };
  const any = transactionalTasks.length > 0 ? Math.max(0, Math.min(slots, transactional)) : slots;
  const tickets = any > 0 ? await queue.fetch(tx, lane, any, unknownTasks) : [];
  if (tickets.length < any) return { tickets, limited: false };
  if (any === slots) return { tickets, limited: true };
  const others = await queue.fetch(tx, lane, slots - any, [...unknownTasks, ...transactionalTasks]);
  return { tickets: [...tickets, ...others], limited: true };
}

import { jest } from '@jest/globals';
import type { Environment } from '../../config/environment.js';
import type { TaskRegistry } from '../../tasks/task.registry.js';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import { backgroundPriority } from '../lifecycle/run-queue.js';
import { type Attempt, Attempts } from './attempts.js';
import { ClaimedAhead } from './claimed-ahead.js';
import { Slots } from './slots.js';

// Slots that became free count for a moment only.
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const tasks = {
  all: () => ['book', 'task'].map((name) => ({ options: { name } })),
  transactional: () => ['book'],
  find: (name: string) => (name === 'lost' ? undefined : { options: { transactional: name === 'book' } }),
} as unknown as TaskRegistry;

const LIVE = 0;
const BACKGROUND = backgroundPriority(0);
const attempt = (priority = LIVE, task = 'task') => ({ run: { id: 'a', priority, task } as ClaimedRun }) as Attempt;

function given(concurrency: number, connections: number, ...running: Attempt[]) {
  const environment = { WORKER_CONCURRENCY: concurrency, TRANSACTIONAL_POOL_MAX: connections } as Environment;
  const [attempts, ahead] = [new Attempts(), new ClaimedAhead()];
  const slots = new Slots(environment, tasks, attempts, ahead);
  for (const one of running) attempts.add(one);
  const turnOver = (freed: number) => {
    for (let slot = 0; slot < freed; slot += 1) ahead.slotFreed();
  };
  return { slots, attempts, ahead, turnOver };
}

/** What the next claim may take. */
const capacityOf = (slots: Slots) => slots.capacity(slots.reserveForClaim() ?? { slots: 0, ahead: 0 }, null);

describe('what claims and creations have stored', () => {
  beforeEach(() => {
    jest.useRealTimers();
  });

  it('is accepted when those that had begun have ended, whatever begins later', async () => {
    const { slots } = given(4, 1);
    slots.open();
    slots.found({ moreWait: false, moreLiveWait: false });
    const creation = slots.reserveForCreation(4, false);
    const claim = slots.reserveForClaim()!;
    const accepted = slots.accepted(60_000);
    expect(await slots.accepted(1)).toBe(false);
    slots.release(creation);
    expect(await slots.accepted(1)).toBe(false);
    slots.releaseClaim(claim);
    slots.reserveForClaim();
    expect(await accepted).toBe(true);
  });

  it('is accepted at once when there is none', async () => {
    expect(await given(4, 1).slots.accepted(0)).toBe(true);
  });
});

describe('a claim', () => {
  it('may fill the free slots, and half of all slots with backfills', () => {
    expect(capacityOf(given(8, 4).slots)).toEqual({
      slots: 8,
      ahead: 0,
      transactional: 4,
      background: { slots: 4, transactional: 2 },
      tasks: ['book', 'task'],
      transactionalTasks: ['book'],
      suspects: 1,
      readySince: null,
    });
  });

  it.each<[string, Attempt[], object]>([
    ['live runs', [attempt(), attempt()], { slots: 6, transactional: 4, background: { slots: 4, transactional: 2 } }],
    ['backfills', [attempt(BACKGROUND)], { slots: 7, transactional: 4, background: { slots: 3, transactional: 2 } }],
    [
      'transactional attempts',
      [attempt(LIVE, 'book'), attempt(BACKGROUND, 'book')],
      { slots: 6, transactional: 2, background: { slots: 3, transactional: 1 } },
    ],
  ])('may take less by what runs: %s', (_case, running, capacity) => {
    expect(capacityOf(given(8, 4, ...running).slots)).toMatchObject(capacity);
  });

  it('may take no more backfills than half of the slots together with those that were claimed ahead', () => {
    const { slots, ahead } = given(8, 4, attempt(BACKGROUND));
    for (let run = 0; run < 3; run += 1) ahead.add(attempt(BACKGROUND).run);
    expect(capacityOf(slots).background.slots).toBe(0);
  });

  it('may take one backfill in a process with one slot and one connection', () => {
    expect(capacityOf(given(1, 1).slots).background).toEqual({ slots: 1, transactional: 1 });
  });

  it('does not happen while all slots are taken, unless they turn over fast', () => {
    const { slots, turnOver } = given(2, 1, attempt(), attempt());
    expect(slots.reserveForClaim()).toBeNull();
    turnOver(10);
    expect(slots.reserveForClaim()).toMatchObject({ slots: 0, ahead: 20 });
  });

  it('does not take what another claim or dispatch has reserved', () => {
    const { slots, turnOver } = given(2, 1);
    turnOver(10);
    const reserved = slots.reserveForClaim()!;
    expect(reserved).toMatchObject({ slots: 2, ahead: 20 });
    expect(slots.free()).toBe(0);
    expect(slots.reserveForClaim()).toBeNull();
    slots.releaseClaim(reserved);
    expect(slots.reserveForClaim()).toEqual(reserved);
  });

  it('that found nothing to take is not followed by another before a slot becomes free', () => {
    const { slots } = given(4, 1);
    const claims = jest.fn();
    slots.onClaimable(claims);
    const reserved = slots.reserveForClaim()!;
    slots.found({ moreWait: true, moreLiveWait: true });
    expect(slots.releaseClaim(reserved)).toBe(false);
    expect(claims).not.toHaveBeenCalled();
    slots.changed();
    expect(claims).toHaveBeenCalledTimes(1);
  });

  it('is repeated where a slot became free meanwhile', () => {
    const { slots } = given(4, 1);
    const reserved = slots.reserveForClaim()!;
    slots.changed();
    expect(slots.releaseClaim(reserved)).toBe(true);
  });

  it('happens for capacity that a creation has not used', () => {
    const { slots } = given(4, 1);
    slots.open();
    slots.found({ moreWait: false, moreLiveWait: false });
    const reserved = slots.reserveForCreation(1, false);
    const claims = jest.fn();
    slots.onClaimable(claims);
    slots.found({ moreWait: true, moreLiveWait: true });
    slots.release(reserved);
    expect(claims).toHaveBeenCalledTimes(1);
  });

  it('takes nothing ahead in a process with one slot whose task has just ended', () => {
    const { slots, turnOver } = given(1, 1);
    turnOver(1);
    expect(slots.reserveForClaim()).toMatchObject({ slots: 1, ahead: 0 });
  });
});

describe('runs that start where they are created', () => {
  it.each([
    ['the process has not started', [], false],
    ['the process stops', ['open', 'close'] as const, false],
    ['others wait in the queue', ['open'] as const, true],
  ])('get nothing while %s', (_case, steps, moreLiveWait) => {
    const { slots } = given(4, 1);
    for (const step of steps) slots[step]();
    slots.found({ moreWait: true, moreLiveWait });
    expect(slots.reserveForCreation(1, true)).toEqual({ slots: 0, ahead: 0 });
  });

  it('get their share of the slots, and wait for one only where they may', () => {
    const { slots, turnOver } = given(4, 1);
    slots.open();
    slots.found({ moreWait: false, moreLiveWait: false });
    turnOver(8);
    expect(slots.reserveForCreation(2, false)).toEqual({ slots: 2, ahead: 0 });
    expect(slots.reserveForCreation(1, true)).toEqual({ slots: 2, ahead: 8 });
  });

  it.each([
    ['task', true],
    ['book', false],
    ['lost', false],
  ])('are those of tasks that the process has and that need no connection: %s', (task, starts) => {
    expect(given(4, 1).slots.startsDirectly(task)).toBe(starts);
  });
});

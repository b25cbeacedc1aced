import { setImmediate as idle } from 'node:timers/promises';
import { Loop } from './loop.js';

/** Longer than any test, so that a second turn means that something asked for it. */
const NEVER_MS = 3_600_000;
const loops: Loop[] = [];
afterEach(() => Promise.all(loops.splice(0).map((loop) => loop.stop())));

interface Turns {
  loop: Loop;
  /** When each turn began, in milliseconds. */
  begun: number[];
  errors: unknown[];
  /** Resolves when this many turns have begun. */
  reaches: (turns: number) => Promise<void>;
}

function given(turn: (number: number) => Promise<boolean | void>, everyMs = NEVER_MS): Turns {
  const begun: number[] = [];
  const errors: unknown[] = [];
  const awaited = new Map<number, () => void>();
  const loop = new Loop({
    everyMs,
    turn: () => {
      begun.push(performance.now());
      awaited.get(begun.length)?.();
      return turn(begun.length);
    },
    failed: (error) => errors.push(error),
  });
  loops.push(loop);
  const reaches = (turns: number) =>
    begun.length >= turns ? Promise.resolve() : new Promise<void>((resolve) => awaited.set(turns, resolve));
  return { loop, begun, errors, reaches };
}

describe('a loop', () => {
  it('runs its first turn at once, and the next ones when the time is up', async () => {
    const { loop, begun, reaches } = given(async () => {}, 1);
    loop.start();
    await reaches(3);
    expect(begun.length).toBeGreaterThanOrEqual(3);
  });

  it('runs the next turn at once when there is more to do, and pauses when there is not', async () => {
    const { loop, begun, reaches } = given(async (turn) => turn < 5);
    loop.start();
    await reaches(5);
    await idle();
    expect(begun).toHaveLength(5);
  });

  it('reports when its last turn ended, while it runs', async () => {
    const { loop } = given(async () => {});
    expect(loop.lastTurnAt).toBeNull();
    loop.start();
    await idle();
    expect(loop.lastTurnAt).not.toBeNull();
    await loop.stop();
    expect(loop.lastTurnAt).toBeNull();
  });

  it('ends its pause on a wake', async () => {
    const { loop, begun, reaches } = given(async () => {});
    loop.start();
    await idle();
    expect(begun).toHaveLength(1);
    loop.wake();
    await reaches(2);
  });

  it('tells each turn whether it was asked for', async () => {
    const woken: boolean[] = [];
    const loop = new Loop({
      everyMs: NEVER_MS,
      turn: async (asked) => {
        woken.push(asked);
        return woken.length === 2;
      },
      failed: () => {},
    });
    loops.push(loop);
    loop.start();
    await idle();
    loop.wake();
    await idle();
    // The second turn asked for the third one.
    expect(woken).toEqual([false, true, true]);
  });

  it('runs one more turn for any number of wakes during a turn', async () => {
    const gate = Promise.withResolvers<void>();
    const { loop, begun, reaches } = given((turn) => (turn === 1 ? gate.promise : Promise.resolve()));
    loop.start();
    loop.wake();
    loop.wake();
    await idle();
    expect(begun).toHaveLength(1);
    gate.resolve();
    await reaches(2);
    await idle();
    expect(begun).toHaveLength(2);
  });

  it('continues after failures with growing pauses, which a wake does not shorten', async () => {
    const { loop, begun, errors, reaches } = given(async (turn) => {
      if (turn <= 2) throw new Error(`turn ${turn}`);
    });
    loop.start();
    await idle();
    loop.wake();
    await reaches(2);
    await idle();
    loop.wake();
    await reaches(3);
    const [first, second, third] = begun as [number, number, number];
    // 200 and 400 ms, minus up to half of that. Timers may fire a millisecond early.
    expect(second - first).toBeGreaterThan(98);
    expect(third - second).toBeGreaterThan(198);
    expect(errors).toEqual([new Error('turn 1'), new Error('turn 2')]);
  });

  it('stops when the current turn has ended, and starts no other', async () => {
    const gate = Promise.withResolvers<boolean>();
    const { loop, begun } = given(() => gate.promise);
    loop.start();
    let ended = false;
    const stopped = loop.stop().then(() => (ended = true));
    loop.wake();
    await idle();
    expect(ended).toBe(false);
    gate.resolve(true);
    await stopped;
    expect(begun).toHaveLength(1);
  });

  it('stops during the pause after a failure', async () => {
    const { loop, begun } = given(async () => {
      throw new Error('boom');
    });
    loop.start();
    await idle();
    await loop.stop();
    expect(begun).toHaveLength(1);
  });

  it('can be started again after a stop, and runs once when it is started twice', async () => {
    const { loop, begun, reaches } = given(async () => {});
    loop.start();
    loop.start();
    await idle();
    expect(begun).toHaveLength(1);
    await loop.stop();
    loop.start();
    await reaches(2);
  });

  it('is not stuck while it pauses, fails or is in a short turn', async () => {
    const gate = Promise.withResolvers<void>();
    const { loop } = given(() => gate.promise);
    expect(loop.isStuck()).toBe(false);
    loop.start();
    expect(loop.isStuck()).toBe(false);
    gate.reject(new Error('boom'));
    await idle();
    expect(loop.isStuck()).toBe(false);
  });
});

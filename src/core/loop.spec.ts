import { setImmediate as idle } from 'node:timers/promises';
import { Loop } from './loop.js';

/** Longer than any test: a turn that comes has been called for. */
const NEVER_MS = 3_600_000;
const loops: Loop[] = [];
afterEach(() => Promise.all(loops.splice(0).map((loop) => loop.stop())));

interface Turns {
  loop: Loop;
  /** When each turn began, in milliseconds. */
  begun: number[];
  errors: unknown[];
  /** Resolves when so many turns have begun. */
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
  it('takes its first turn at once, and the next when the time has come', async () => {
    const { loop, begun, reaches } = given(async () => {}, 1);
    loop.start();
    await reaches(3);
    expect(begun.length).toBeGreaterThanOrEqual(3);
  });

  it('goes on at once when there is more to do, and rests when there is not', async () => {
    const { loop, begun, reaches } = given(async (turn) => turn < 5);
    loop.start();
    await reaches(5);
    await idle();
    expect(begun).toHaveLength(5);
  });

  it('tells when it last turned, for as long as it runs', async () => {
    const { loop } = given(async () => {});
    expect(loop.lastTurnAt).toBeNull();
    loop.start();
    await idle();
    expect(loop.lastTurnAt).not.toBeNull();
    await loop.stop();
    expect(loop.lastTurnAt).toBeNull();
  });

  it('is woken out of its rest', async () => {
    const { loop, begun, reaches } = given(async () => {});
    loop.start();
    await idle();
    expect(begun).toHaveLength(1);
    loop.wake();
    await reaches(2);
  });

  it('tells each turn whether somebody has called for it', async () => {
    const woken: boolean[] = [];
    const loop = new Loop({
      everyMs: NEVER_MS,
      turn: async (called) => {
        woken.push(called);
        return woken.length === 2;
      },
      failed: () => {},
    });
    loops.push(loop);
    loop.start();
    await idle();
    loop.wake();
    await idle();
    // The third is the one that the second has asked for.
    expect(woken).toEqual([false, true, true]);
  });

  it('loses no wake that comes during a turn, and makes one turn of many', async () => {
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

  it('goes on after failures with growing pauses, which no wake cuts short', async () => {
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
    // 200 and 400 ms, less up to half of it; timers may ring a millisecond early.
    expect(second - first).toBeGreaterThan(98);
    expect(third - second).toBeGreaterThan(198);
    expect(errors).toEqual([new Error('turn 1'), new Error('turn 2')]);
  });

  it('ends when its turn has, and takes no other', async () => {
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

  it('ends out of the pause after a failure', async () => {
    const { loop, begun } = given(async () => {
      throw new Error('boom');
    });
    loop.start();
    await idle();
    await loop.stop();
    expect(begun).toHaveLength(1);
  });

  it('can be started again, and runs once however often it is started', async () => {
    const { loop, begun, reaches } = given(async () => {});
    loop.start();
    loop.start();
    await idle();
    expect(begun).toHaveLength(1);
    await loop.stop();
    loop.start();
    await reaches(2);
  });

  it('is not stuck while it rests, fails or is in a short turn', async () => {
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

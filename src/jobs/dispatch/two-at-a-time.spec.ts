import { setTimeout } from 'node:timers/promises';
import { twoAtATime } from './two-at-a-time.js';

/** Work that counts its calls, and returns true until `max` of them have begun. */
function work(max: number) {
  const seen = { begun: 0, running: 0, together: 0 };
  const one = async () => {
    seen.begun += 1;
    const mine = seen.begun;
    seen.running += 1;
    seen.together = Math.max(seen.together, seen.running);
    await setTimeout(1);
    seen.running -= 1;
    return mine < max;
  };
  return { seen, one };
}

test('repeats its work until there is no more, two calls at a time', async () => {
  const { seen, one } = work(10);
  expect(await twoAtATime(one, 60_000)).toBe(false);
  expect(seen).toMatchObject({ running: 0, together: 2 });
  // The other call may have begun before the tenth returned false.
  expect([10, 11]).toContain(seen.begun);
});

test('returns that there is more when the time is up', async () => {
  const { seen, one } = work(Infinity);
  expect(await twoAtATime(one, 20)).toBe(true);
  expect(seen.running).toBe(0);
});

test('throws the error after both calls have ended, and begins no other', async () => {
  const { seen, one } = work(Infinity);
  const failing = async () => {
    const fifth = seen.begun === 4;
    await one();
    if (fifth) throw new Error('the fifth');
    return true;
  };
  await expect(twoAtATime(failing, 60_000)).rejects.toThrow('the fifth');
  expect(seen.running).toBe(0);
  expect(seen.begun).toBeLessThanOrEqual(7);
});

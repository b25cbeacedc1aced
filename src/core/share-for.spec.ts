import { jest } from '@jest/globals';
import { shareFor } from './share-for.js';

let now: number;
let reads: number;
let share: (key?: unknown) => Promise<number>;
beforeEach(() => {
  now = 0;
  reads = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  share = shareFor(1_000, async () => {
    reads += 1;
    if (reads === 2) throw new Error('down');
    return reads;
  });
});
afterEach(() => jest.restoreAllMocks());

it('reads once for all calls within the time, and again after it', async () => {
  expect(await Promise.all([share(), share(), share()])).toEqual([1, 1, 1]);
  now = 999;
  expect(await share()).toBe(1);
  now = 1_000;
  await expect(share()).rejects.toThrow('down');
  await expect(share()).rejects.toThrow('down');
  now = 2_000;
  expect(await share()).toBe(3);
});

it('reads at once for another key', async () => {
  expect(await share(true)).toBe(1);
  await expect(share(false)).rejects.toThrow('down');
});

it('reads once at a time, however long a read takes', async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const slow = shareFor(1_000, () => {
    reads += 1;
    return promise;
  });
  const first = slow();
  now = 60_000;
  const second = slow();
  expect(reads).toBe(1);
  resolve(7);
  expect(await Promise.all([first, second])).toEqual([7, 7]);
  void slow();
  expect(reads).toBe(2);
});

import { retryDelayMs } from './retry-delay.js';
import type { RetryPolicy } from './run.entity.js';

const exponential: RetryPolicy = { limit: 100, delaySeconds: 5, backoff: 'exponential', maxDelaySeconds: 60 };
const fixed: RetryPolicy = { ...exponential, backoff: 'fixed' };

describe('the delay before another attempt', () => {
  it.each<[string, RetryPolicy, number, number, number]>([
    ['the first', exponential, 1, 0.5, 5_000],
    ['doubles', exponential, 2, 0.5, 10_000],
    ['and doubles', exponential, 3, 0.5, 20_000],
    ['up to the largest', exponential, 5, 0.5, 60_000],
    ['also after a hundred', exponential, 100, 0.5, 60_000],
    ['fixed stays', fixed, 4, 0.5, 5_000],
    ['fixed is capped too', { ...fixed, delaySeconds: 100 }, 1, 0.5, 60_000],
    ['20 % less at the least', exponential, 1, 0, 4_000],
    ['20 % more at the most', exponential, 1, 1, 6_000],
    ['none', { ...exponential, delaySeconds: 0 }, 50, 0.5, 0],
    ['whole milliseconds', { ...fixed, delaySeconds: 0.0015 }, 1, 0.5, 2],
  ])('%s', (_case, policy, failures, random, expected) => {
    expect(retryDelayMs(policy, failures, random)).toBe(expected);
  });
});

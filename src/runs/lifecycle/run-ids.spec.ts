import * as fc from 'fast-check';
import { v7 } from 'uuid';
import { firstIdAt, queuedAtOf } from './run-ids.js';

const LAST = Date.parse('9999-12-31T23:59:59.999Z');

it('an id contains the time at which its run was queued', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: LAST }), (ms) => {
      expect(queuedAtOf(v7({ msecs: ms }))).toEqual(new Date(ms));
    }),
  );
});

describe('firstIdAt', () => {
  it('is at most the ids of its millisecond, and above those of the millisecond before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: LAST }), (ms) => {
        const first = firstIdAt(new Date(ms));
        expect(v7({ msecs: ms }) >= first).toBe(true);
        expect(v7({ msecs: ms - 1 }) < first).toBe(true);
      }),
    );
  });

  it.each([
    ['in 2026', '2026-06-01T12:00:00.123Z', '019e830e-1a7b-7000-8000-000000000000'],
    ['in 1970', '1970-01-01T00:00:00.001Z', '00000000-0001-7000-8000-000000000000'],
    ['before 1970, which no id can express', '1926-01-01T00:00:00Z', '00000000-0000-7000-8000-000000000000'],
  ])('%s', (_case, instant, expected) => {
    expect(firstIdAt(new Date(instant))).toBe(expected);
  });
});

import { idempotencyKeyOf, type RunKind } from './run.entity.js';

describe('the idempotency key of a run', () => {
  it.each<[RunKind, string | null, string]>([
    ['schedule', null, 'billing.nightly/2026-03-01T02:30:00.000Z'],
    ['catch_up', null, 'billing.nightly/2026-03-01T02:30:00.000Z'],
    ['manual', null, 'r1'],
    ['backfill', null, 'r1'],
    ['retry', 'key of the first run', 'key of the first run'],
    ['retry', null, 'r1'],
  ])('of kind %s that stores the key %s is %s', (kind, idempotencyKey, key) => {
    const scheduledAt = new Date('2026-03-01T02:30:00.000Z');
    expect(idempotencyKeyOf({ id: 'r1', job: 'billing.nightly', kind, scheduledAt, idempotencyKey })).toBe(key);
  });
});

import type { PinoLogger } from 'nestjs-pino';
import { FailedLogins } from './failed-logins.js';

const HOME = '203.0.113.7';
const guess = (failed: FailedLogins, address: string, times: number, now = 0) => {
  for (let time = 0; time < times; time += 1) failed.count(address, now);
};

let failed: FailedLogins;
beforeEach(() => {
  failed = new FailedLogins({ warn: () => {} } as unknown as PinoLogger);
});

it('refuses an address for a minute after its 40th wrong key within a minute', () => {
  guess(failed, HOME, 39);
  expect(failed.refusedFor(HOME, 30_000)).toBe(0);
  guess(failed, HOME, 1, 59_999);
  expect(failed.refusedFor(HOME, 59_999)).toBe(60);
  expect(failed.refusedFor(HOME, 119_000)).toBe(1);
  expect(failed.refusedFor(HOME, 119_999)).toBe(0);
});

it('forgets wrong keys after a minute', () => {
  guess(failed, HOME, 39);
  guess(failed, HOME, 39, 60_000);
  expect(failed.refusedFor(HOME, 60_000)).toBe(0);
});

it('does not refuse other addresses, except those in the same IPv6 network of 56 bits', () => {
  guess(failed, HOME, 40);
  guess(failed, '2001:db8::1', 40);
  expect(failed.refusedFor('203.0.113.8', 0)).toBe(0);
  expect(failed.refusedFor('2001:db8:0:100::1', 0)).toBe(0);
  expect(failed.refusedFor('2001:db8::ffff', 0)).toBe(60);
  expect(failed.refusedFor('2001:db8:0:ff::1', 0)).toBe(60);
});

it('counts a guesser who rotates through a delegated prefix as one client', () => {
  for (let subnet = 0; subnet < 40; subnet += 1) failed.count(`2001:db8:0:${subnet.toString(16)}::1`, 0);
  expect(failed.refusedFor('2001:db8:0:ff::1', 0)).toBe(60);
});

it('keeps at most 10,000 addresses, and those of the latest guesses', () => {
  guess(failed, HOME, 40);
  for (let client = 0; client < 20_000; client += 1) failed.count(`10.${client >> 8}.0.${client & 255}`, 0);
  expect(failed).toHaveProperty('guessers.size', 10_000);
  expect(failed.refusedFor(HOME, 0)).toBe(0);
  guess(failed, '10.78.0.31', 39);
  expect(failed.refusedFor('10.78.0.31', 0)).toBe(60);
});

it('forgets each address after its own minute, also when another one was refused in between', () => {
  guess(failed, HOME, 39);
  guess(failed, '203.0.113.8', 1, 10_000);
  guess(failed, HOME, 1, 50_000);
  guess(failed, '203.0.113.8', 39, 70_001);
  expect(failed.refusedFor('203.0.113.8', 70_001)).toBe(0);
  expect(failed.refusedFor(HOME, 70_001)).toBe(40);
});

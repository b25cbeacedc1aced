import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getRepositoryToken } from '@nestjs/typeorm';
import { cron } from 'cronzimus';
import { FakeClock, runTask } from 'cronzimus/testing';
import { Invoice } from '../src/invoice.entity.js';
import { Mailer } from '../src/mailer.js';
import { SendReminders } from '../src/send-reminders.task.js';

/** Invoices in memory, and a record of the mails sent. */
function fakes(...numbers: string[]) {
  const open = new Map(numbers.map((number) => [number, { number, email: `${number}@example.org` }]));
  const mails: string[] = [];
  const find = async ({ take }: { take: number }) => [...open.values()].slice(0, take);
  const update = async (number: string) => void open.delete(number);
  const send = async (to: string, _text: string, { key }: { key: string }) => void mails.push(`${to} ${key}`);
  const providers = [
    { provide: getRepositoryToken(Invoice), useValue: { find, update } },
    { provide: Mailer, useValue: { send } },
  ];
  return { mails, providers };
}

test('reminds of each overdue invoice once, over two runs', async () => {
  const { mails, providers } = fakes('1', '2', '3');
  const first = await runTask(SendReminders, { atMost: 2 }, { providers });
  assert.deepEqual(first.output, { reminded: 2 });
  assert.deepEqual(
    first.logs.map(({ message }) => message),
    ['reminded', 'reminded'],
  );
  await runTask(SendReminders, {}, { providers });
  assert.deepEqual(mails, ['1@example.org reminder 1', '2@example.org reminder 2', '3@example.org reminder 3']);
});

test('sends nothing after its signal has aborted', async () => {
  const { mails, providers } = fakes('1');
  const signal = AbortSignal.abort(new Error('shut down'));
  await assert.rejects(runTask(SendReminders, {}, { providers, signal }), /shut down/);
  assert.deepEqual(mails, []);
});

test('refuses an input that its schema does not allow', async () => {
  await assert.rejects(runTask(SendReminders, { atMost: 0 }, fakes()), { code: 'INVALID_INPUT' });
});

test('a job at 02:30 runs once in the night without 02:30', async () => {
  const clock = new FakeClock('2026-03-28T12:00:00Z');
  const ran: Date[] = [];
  clock.schedule(cron('30 2 * * *', { timeZone: 'Europe/Berlin' }), (scheduledAt) => ran.push(scheduledAt));
  await clock.advanceTo('2026-03-30T12:00:00Z');
  // 03:00 in Berlin, right after the gap, and 02:30 the next day.
  assert.deepEqual(
    ran.map((at) => at.toISOString()),
    ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
  );
});

import { jobName } from '../jobs/definition/job.schema.js';
import { JobNames } from './job-names.js';

it.each([
  ['billing.nightly', 'billing.nightly'],
  ['Send Report!', 'send-report'],
  ['Über_Nacht', 'uber_nacht'],
  ['--a//b--', 'a-b'],
  ['日報', 'job'],
  ['', 'job'],
  [`${'a'.repeat(127)}.b`, 'a'.repeat(127)],
])('%j becomes %j', (wish, name) => {
  expect(new JobNames().take(wish)).toBe(name);
  expect(jobName.safeParse(name).success).toBe(true);
});

it('never gives a name twice, however long it is', () => {
  const names = new JobNames();
  const wishes = ['a', 'A', 'a-2', 'a', ...Array.from({ length: 12 }, () => 'x'.repeat(200))];
  const taken = wishes.map((wish) => names.take(wish));
  expect(new Set(taken).size).toBe(wishes.length);
  expect(taken.every((name) => jobName.safeParse(name).success)).toBe(true);
});

import { cronInput } from './cron.input.js';
import { hintFor } from './cron.hints.js';

const faultOf = (expression: string) =>
  cronInput
    .safeParse({ type: 'cron', expression })
    .error?.issues.map(({ message }) => message)
    .join();

it.each([
  ['0 0 * * FRI-MON', '0 0 * * FRI-SAT,SUN-MON'],
  ['0 0 * * sat-mon', '0 0 * * SAT,SUN-MON'],
  ['0 0 * * 5-1', '0 0 * * 5-6,0-1'],
  ['0 0 * * MONDAY', '0 0 * * MON'],
  ['0 0 * * monday-friday', '0 0 * * MON-FRI'],
  ['0 0 * * FRIDAY-MONDAY', '0 0 * * FRI-SAT,SUN-MON'],
  ['0 0 1 NOV-FEB *', '0 0 1 NOV-DEC,JAN-FEB *'],
  ['0 0 1 DEC-JAN *', '0 0 1 DEC,JAN *'],
  ['0 0 1 11-2 *', '0 0 1 11-12,1-2 *'],
  ['0 0 1 January *', '0 0 1 JAN *'],
])('%s is refused, and the error says what to write, which is valid', (wrong, right) => {
  const field = right.split(' ').find((part, index) => part !== wrong.split(' ')[index])!;
  expect(faultOf(wrong)).toContain(`write ${field}`);
  expect(faultOf(right)).toBeUndefined();
});

it('says that days cannot be counted from the end of the month', () => {
  expect(faultOf('0 0 L-3 * *')).toContain('except L and LW');
});

it.each([
  ['day-of-week', 'MON-'],
  ['day-of-week', 'FOO'],
  ['month', '13'],
  ['hour', '25'],
])('has no hint for the %s %s', (field, text) => {
  expect(hintFor(field, text)).toBeUndefined();
});

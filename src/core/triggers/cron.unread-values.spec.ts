import { BY_CRON_RULE } from './clock-change.js';
import { cronInput } from './cron.input.js';
import { openTrigger } from './trigger.js';

const faultOf = (expression: string) =>
  cronInput
    .safeParse({ type: 'cron', expression })
    .error?.issues.map(({ message }) => message)
    .join();

describe('a value that croner would drop without an error', () => {
  it.each([
    ['second', '60/5 * * * * *', ''],
    ['minute', '60/5 * * * *', ''],
    ['minute', '0,99/5 * * * *', ''],
    ['minute', '0-62/50 * * * *', ''],
    ['hour', '0 24/2 * * *', ''],
    ['hour', '0 8-30/12 * * *', ''],
    ['day-of-month', '0 0 32/5 * *', ''],
    ['day-of-month', '0 0 1,32/5 * *', ''],
    ['day-of-month', '0 0 1-40/20 * MON', ''],
    ['month', '0 0 1 13/2 *', ''],
    ['month', '0 0 1 JAN-14/6 *', ''],
    ['day-of-week', '0 0 * * 8/2', ''],
    ['day-of-week', '0 0 * * 1,7/2', 'write 1,0/2'],
    ['day-of-week', '0 0 1 * +7/2', 'write +0/2'],
    ['day-of-week', '0 0 * * MON-9/5', ''],
    ['day-of-week', '0 0 * * SUN-SUN', 'write SUN'],
    ['day-of-week', '0 0 * * sun-sun/2', 'write SUN'],
    ['day-of-week', '0 0 1 * +MON,SUN-SUN', 'write +MON,SUN'],
    ['day-of-week', '0 0 * * SUN-SUN#2', ''],
    ['year', '0 0 0 1 1 * 2027,10000/2', ''],
    ['year', '0 0 0 1 1 * 2027-12000/5000', ''],
  ])('is refused in the %s of %s', (field, expression, hint) => {
    const text = expression.split(' ')[fieldAt(field, expression)];
    expect(faultOf(expression)).toContain(`The ${field} "${text}" is not valid; it accepts`);
    expect(faultOf(expression)).toContain(hint);
    expect(faultOf(expression)!.includes('write')).toBe(hint !== '');
  });

  it('is never part of the seven fields that are proposed for six in the order of AWS', () => {
    expect(faultOf('60/5 10 * * ? *')).toContain('write seven, with a 0 for the second in front');
  });

  it('in a stored definition keeps the job running', () => {
    const stored = { type: 'cron', expression: '0 0 * * 1,7/2', timeZone: 'UTC', startAt: null, endAt: null } as const;
    expect(
      openTrigger({ trigger: { ...stored, jitterSeconds: 0 }, clockChange: BY_CRON_RULE }, 'seed').next(new Date(0)),
    ).not.toBeNull();
  });
});

it.each([
  '59/5 * * * *',
  '0-59/50 * * * *',
  '0 0 31/5 * *',
  '0 0 * * 6/2',
  '0 0 * * 5-7/2',
  '0 0 * * 7-7/2',
  '0 0 * * SAT-SUN',
])('%s is accepted, because all of its values are used', (expression) => {
  expect(faultOf(expression)).toBeUndefined();
});

function fieldAt(field: string, expression: string): number {
  const all = ['second', 'minute', 'hour', 'day-of-month', 'month', 'day-of-week', 'year'];
  return all.indexOf(field) - (expression.split(' ').length === 5 ? 1 : 0);
}

import { cronInput } from './cron.input.js';
import { openTrigger } from './trigger.js';

const input = (expression: string) => cronInput.safeParse({ type: 'cron', expression });

describe('an expression in the order of AWS', () => {
  it.each([
    ['0 10 * * ? *', '0 0 10 * * ? *'],
    ['15 12 ? * 2-6 *', '0 15 12 ? * MON-FRI *'],
    ['0 8 1 * ? 2027', '0 0 8 1 * ? 2027'],
    ['0 9 ? * 2#1 *', '0 0 9 ? * MON#1 *'],
    ['0 9 ? * 6L *', '0 0 9 ? * FRIL *'],
    ['0 18 ? * MON-FRI 2026-2030', '0 0 18 ? * MON-FRI 2026-2030'],
    ['30 7 5 * 1/2 2027', '0 30 7 5 * SUN/2 2027'],
  ])('%s is refused with the seven fields that mean the same', (expression, seven) => {
    const { error } = input(expression);
    expect(error?.issues.map(({ message }) => message).join()).toContain(`write seven: "${seven}"`);
    expect(input(seven).error).toBeUndefined();
  });
});

describe('a question mark', () => {
  it.each([
    ['? * * * *', 'not in the minute'],
    ['0 ? * * *', 'not in the hour'],
    ['0 0 * ? *', 'not in the month'],
    ['? 0 0 * * *', 'not in the second'],
    ['0 0 0 * * * ?', 'not in the year'],
    ['0 0 ?,1 * *', '"?,1" means nothing'],
    ['0 0 ?/2 * *', '"?/2" means nothing'],
    ['0 0 1 * ?#2', '"?#2" means nothing'],
  ])('is refused in %s', (expression, message) => {
    expect(
      input(expression)
        .error?.issues.map((issue) => issue.message)
        .join(),
    ).toContain(message);
  });

  it.each(['0 0 ? * MON', '0 0 1 * ?', '0 0 ? * ?', '0 0 0 ? * MON', '0 0 0 1 * ? 2027'])(
    'stands for an open day field in %s',
    (expression) => {
      expect(input(expression).error).toBeUndefined();
    },
  );

  it('in a stored definition keeps the job running', () => {
    const stored = { type: 'cron', expression: '0 10 * * ? *', timeZone: 'UTC', startAt: null, endAt: null } as const;
    expect(openTrigger({ ...stored, jitterSeconds: 0 }, 'seed').next(new Date(0))).not.toBeNull();
  });
});

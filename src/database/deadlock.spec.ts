import { withoutDeadlock } from './deadlock.js';

/** Fails so many times with this code, and then no more. */
function failing(times: number, code: string) {
  let tries = 0;
  const work = async () => {
    tries += 1;
    if (tries <= times) throw Object.assign(new Error(code), { code });
  };
  return { work, tries: () => tries };
}

describe('work that may meet a deadlock', () => {
  it('is done again until it is through', async () => {
    const { work, tries } = failing(4, '40P01');
    await withoutDeadlock(work);
    expect(tries()).toBe(5);
  });

  it('is given up after five', async () => {
    const { work, tries } = failing(9, '40P01');
    await expect(withoutDeadlock(work)).rejects.toThrow('40P01');
    expect(tries()).toBe(5);
  });

  it('is not done again for any other fault', async () => {
    const { work, tries } = failing(1, '42P07');
    await expect(withoutDeadlock(work)).rejects.toThrow('42P07');
    expect(tries()).toBe(1);
  });
});

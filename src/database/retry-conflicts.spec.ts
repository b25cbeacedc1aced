import { retryConflicts } from './retry-conflicts.js';

/** Work that fails `times` times with this code, and then succeeds. */
function failing(times: number, code: string) {
  let tries = 0;
  const work = async () => {
    tries += 1;
    if (tries <= times) throw Object.assign(new Error(code), { code });
  };
  return { work, tries: () => tries };
}

describe('retryConflicts', () => {
  it.each(['40P01', '40001'])('retries after %s until the work succeeds', async (code) => {
    const { work, tries } = failing(4, code);
    await retryConflicts(work);
    expect(tries()).toBe(5);
  });

  it('gives up after five tries', async () => {
    const { work, tries } = failing(9, '40P01');
    await expect(retryConflicts(work)).rejects.toThrow('40P01');
    expect(tries()).toBe(5);
  });

  it('does not retry after other errors', async () => {
    const { work, tries } = failing(1, '42P07');
    await expect(retryConflicts(work)).rejects.toThrow('42P07');
    expect(tries()).toBe(1);
  });
});

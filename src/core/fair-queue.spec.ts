import { FairQueue } from './fair-queue.js';

const never = new AbortController().signal;
const busy = expect.objectContaining({ status: 429, code: 'TOO_MANY_WAITING' });
const queueOf = (options = {}) =>
  new FairQueue({ concurrency: 1, maxWaiting: 100, maxMs: 60_000, refusalMs: 1, ...options });
const until = async (isTrue: () => boolean) => {
  while (!isTrue()) await new Promise(setImmediate);
};

/** Adds requests by name, such as `a1`: the first letter is the key. Work ends when `finish` is called. */
function track(queue: FairQueue) {
  const started: string[] = [];
  const finish = new Map<string, () => void>();
  const add = (name: string, signal = never) =>
    queue.run({ key: name[0]!, signal }, () => {
      started.push(name);
      return new Promise<string>((resolve) => finish.set(name, () => resolve(name)));
    });
  /** Ends the work of this name once it has started. */
  const end = async (name: string) => {
    await until(() => finish.has(name));
    finish.get(name)!();
  };
  const drain = async (count: number) => {
    for (let next = 0; next < count; next += 1) {
      await until(() => started.length > next);
      await end(started[next]!);
    }
  };
  return { started, end, add, drain };
}

describe('a fair queue', () => {
  it('serves keys in turn, and the requests of one key in the order in which they came', async () => {
    const { started, add, drain } = track(queueOf());
    const done = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'c2', 'b2'].map((name) => add(name));
    await drain(8);
    expect(started).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'c2', 'a4']);
    expect(await Promise.all(done)).toHaveLength(8);
  });

  it('runs as many at once as it may', async () => {
    const { started, end, add } = track(queueOf({ concurrency: 2 }));
    const done = ['a1', 'a2', 'a3'].map((name) => add(name));
    expect(started).toEqual(['a1', 'a2']);
    await end('a2');
    await end('a3');
    await end('a1');
    await Promise.all(done);
  });

  it('leaves a place to other keys when one may not use all of them', async () => {
    const { started, end, add, drain } = track(queueOf({ concurrency: 3, perKey: 2 }));
    const done = ['a1', 'a2', 'a3'].map((name) => add(name));
    expect(started).toEqual(['a1', 'a2']);
    done.push(add('b1'), add('c1'));
    expect(started).toEqual(['a1', 'a2', 'b1']);
    await end('b1');
    await until(() => started.includes('c1'));
    expect(started).not.toContain('a3');
    await drain(5);
    expect(await Promise.all(done)).toHaveLength(5);
  });

  it('refuses a request when it is full, and a key with a longer line gives way first', async () => {
    const { started, add, drain } = track(queueOf({ maxWaiting: 3 }));
    const [runs, waits, longer, newest] = ['a1', 'a2', 'a3', 'a4'].map((name) => add(name));
    await expect(add('a5')).rejects.toEqual(busy);
    const refused = newest!.catch((error: unknown) => error);
    const other = add('b1');
    expect(await refused).toEqual(busy);
    // Now each of the two keys has its share.
    await expect(add('b2')).rejects.toEqual(busy);
    await drain(4);
    expect(await Promise.all([runs, waits, longer, other])).toEqual(['a1', 'a2', 'a3', 'b1']);
    expect(started).toEqual(['a1', 'a2', 'b1', 'a3']);
  });

  it('frees the place of a request that is aborted, and never starts it', async () => {
    const { started, add, drain } = track(queueOf({ maxWaiting: 1 }));
    const gone = new AbortController();
    const first = add('a1');
    const aborted = add('b1', gone.signal).catch(String);
    gone.abort(new Error('gone'));
    expect(await aborted).toBe('Error: gone');
    const next = add('b2');
    await drain(2);
    expect(await Promise.all([first, next])).toEqual(['a1', 'b2']);
    expect(started).toEqual(['a1', 'b2']);
    await expect(add('a2', gone.signal)).rejects.toThrow('gone');
  });

  it('keeps the place of a request that has started until its work ends, also when it is aborted', async () => {
    const { started, end, add } = track(queueOf());
    const gone = new AbortController();
    const aborted = add('a1', gone.signal).catch(String);
    const next = add('b1');
    gone.abort(new Error('gone'));
    expect(await aborted).toBe('Error: gone');
    expect(started).toEqual(['a1']);
    await end('a1');
    await end('b1');
    expect(await next).toBe('b1');
  });

  it('refuses a request that takes too long, and goes on after one that fails', async () => {
    const { end, add } = track(queueOf({ maxMs: 20 }));
    const slow = add('a1').catch((error: unknown) => error);
    await expect(add('a2')).rejects.toEqual(busy);
    expect(await slow).toEqual(busy);
    await end('a1');
    const queue = queueOf();
    const failing = queue.run({ key: 'a', signal: never }, () => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    expect(await queue.run({ key: 'a', signal: never }, async () => 1)).toBe(1);
  });
});

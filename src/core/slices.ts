import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE_MS = 3;

/** Returns a function to await between the steps of a long computation. It yields to the event loop when 3 ms have passed since it
 *  last did. Computations at the same time get their slices in turn. */
export function inSlices(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < SLICE_MS) return;
    await turnOfItsOwn();
    since = performance.now();
  };
}

let last: Promise<void> = Promise.resolve();

/** Resolves in a turn of the event loop that no other caller gets. Steps that come by the hundreds then leave others their turns. */
export const turnOfItsOwn = (): Promise<void> => (last = last.then(() => nextTurn()));

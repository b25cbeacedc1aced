/** The seed of this run: the variable SEED, or a new one. */
export const SEED = Number(process.env['SEED']);

/** A generator of numbers in [0, 1) that are the same for the same seed and name (mulberry32). */
export function randomOf(name: string): () => number {
  let state = Array.from(name).reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193), SEED | 0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

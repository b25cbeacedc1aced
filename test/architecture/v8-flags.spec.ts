import { sourceFiles } from '../support/sources.js';

// `startCronzimus` runs in processes of users. Flags that are set after the start of V8 may crash it.
it('no code changes the flags of V8; they belong on the command line', () => {
  const changes = sourceFiles().filter(({ text }) => /\bsetFlagsFromString\b/.test(text));
  expect(changes.map(({ path }) => path)).toEqual([]);
});

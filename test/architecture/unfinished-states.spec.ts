import { unfinishedStates } from '../../src/runs/lifecycle/run.entity.js';
import { lineAt, type SourceFile, sourceFiles } from '../support/sources.js';

const ITS_PLACE = 'src/runs/lifecycle/run.entity.ts';

/** Where a list in the code or in SQL has all unfinished states, in any order. */
const placesIn = (files: SourceFile[]): string[] =>
  files.flatMap(({ path, text }) =>
    [...text.matchAll(/(?=['"](\w+)['"],\s*['"](\w+)['"],\s*['"](\w+)['"])/g)]
      .filter(([, ...states]) => unfinishedStates.every((state) => states.includes(state)))
      .map(({ index }) => `${path}:${lineAt(text, index)}`),
  );

describe('the list of the unfinished states', () => {
  it('is spelled out in one place: elsewhere import `unfinishedStates`, or its text for SQL', () => {
    expect(placesIn(sourceFiles().filter(({ path }) => path !== ITS_PLACE))).toEqual([]);
  });

  it('is found in code and in SQL', () => {
    const text =
      "const a = ['retrying', 'pending',\n  'running'];\nconst b = `state IN ('pending', 'running', 'retrying')`";
    expect(placesIn([{ path: 'x', text }])).toEqual(['x:1', 'x:3']);
    expect(placesIn([{ path: 'x', text: "state IN ('pending', 'retrying', 'failed')" }])).toEqual([]);
  });
});

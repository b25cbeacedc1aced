import { fillIn } from '../core/template.js';
import { exampleWords, runWords } from './run-words.js';

const words = runWords({
  run: { id: 'r1', kind: 'manual' },
  job: { name: 'billing.nightly' },
  scheduledAt: new Date('2026-03-01T02:30:00Z'),
  attempt: 2,
} as Parameters<typeof runWords>[0]);

describe('the words of a run', () => {
  it('are filled in wherever a string is, and unknown ones stay', () => {
    const filled = fillIn(
      { a: ['{{job.name}}/{{ run.scheduledAt }}'], b: '{{run.id}}#{{run.attempt}} {{run.x}}' },
      words,
    );
    expect(filled).toEqual({ a: ['billing.nightly/2026-03-01T02:30:00.000Z'], b: 'r1#2 {{run.x}}' });
  });

  it('all have an example', () => {
    expect(Object.keys(exampleWords)).toEqual(Object.keys(words));
  });
});

import { fillIn } from '../core/template.js';
import { examplePlaceholderValues, placeholderValues } from './placeholders.js';

const values = placeholderValues({
  run: { id: 'r1', kind: 'manual' },
  job: { name: 'billing.nightly' },
  scheduledAt: new Date('2026-03-01T02:30:00Z'),
  attempt: 2,
} as Parameters<typeof placeholderValues>[0]);

describe('placeholders', () => {
  it('are replaced in every string, and unknown ones stay', () => {
    const filled = fillIn(
      { a: ['{{job.name}}/{{ run.scheduledAt }}'], b: '{{run.id}}#{{run.attempt}} {{run.x}}' },
      values,
    );
    expect(filled).toEqual({ a: ['billing.nightly/2026-03-01T02:30:00.000Z'], b: 'r1#2 {{run.x}}' });
  });

  it('all have an example', () => {
    expect(Object.keys(examplePlaceholderValues)).toEqual(Object.keys(values));
  });
});

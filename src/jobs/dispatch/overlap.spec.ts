import type { OverlapPolicy } from '../definition/job.entity.js';
import { NOTHING, overlapVerdicts, type OverlapVerdict, type UnfinishedRuns } from './overlap.js';

const running = { ...NOTHING, running: 1 };
const waiting = { ...NOTHING, waiting: 1 };
const full = { ...NOTHING, running: 1, held: 1 };

describe('overlapVerdicts', () => {
  it.each<[OverlapPolicy, string, UnfinishedRuns, OverlapVerdict[]]>([
    ['allow', 'nothing runs', NOTHING, ['start', 'start', 'start']],
    ['allow', 'one runs', running, ['start', 'start', 'start']],
    ['skip', 'nothing runs', NOTHING, ['start', 'skip', 'skip']],
    ['skip', 'one runs', running, ['skip', 'skip', 'skip']],
    ['skip', 'one waits for a slot or a retry', waiting, ['skip', 'skip', 'skip']],
    ['queue', 'nothing runs', NOTHING, ['start', 'hold', 'skip']],
    ['queue', 'one runs', running, ['hold', 'skip', 'skip']],
    ['queue', 'one waits for a slot or a retry', waiting, ['hold', 'skip', 'skip']],
    ['queue', 'one runs and one is held', full, ['skip', 'skip', 'skip']],
    ['replace', 'nothing runs', NOTHING, ['replaced', 'replaced', 'start']],
    ['replace', 'one runs', running, ['replaced', 'replaced', 'hold']],
    ['replace', 'one has not started, and is cancelled at once', waiting, ['replaced', 'replaced', 'start']],
    ['replace', 'one runs and one is held', full, ['replaced', 'replaced', 'hold']],
  ])('%s, if %s', (policy, _case, unfinished, expected) => {
    expect(overlapVerdicts(policy, unfinished, 3)).toEqual(expected);
  });
});

import { BY_CRON_RULE } from '../core/triggers/clock-change.js';
import { judge } from './explain-verdict.js';
import type { Facts, PauseFacts, RowFacts, VersionFacts } from './explain-facts.js';

const at = (time: string) => new Date(`2026-06-01T${time}:00.000Z`);
const version = (written: Partial<VersionFacts> = {}): VersionFacts => ({
  jobId: 'job-id',
  version: 3,
  validFrom: at('06:00'),
  validTo: null,
  deleted: false,
  earlierUnknown: false,
  trigger: {
    type: 'interval',
    everySeconds: 600,
    anchor: '2026-06-01T00:00:00.000Z',
    startAt: null,
    endAt: null,
    jitterSeconds: 0,
  },
  clockChange: BY_CRON_RULE,
  tzVersion: null,
  task: 'task',
  overlap: 'skip',
  misfire: { policy: 'skip', graceSeconds: 60, maxCatchUp: 10 },
  by: 'ann',
  ...written,
});
const row = (written: Partial<RowFacts> = {}): RowFacts => ({
  id: 'run-id',
  kind: 'schedule',
  state: 'succeeded',
  reason: null,
  scheduledAt: at('12:00'),
  dueAt: at('12:00'),
  queuedAt: at('12:00'),
  startedAt: at('12:00'),
  finishedAt: at('12:01'),
  nextAttemptAt: null,
  latenessMs: 4,
  attempt: 1,
  held: false,
  task: 'task',
  missedTo: null,
  missedCount: null,
  attempts: [],
  ...written,
});
const failed = (number: number, code: string | null = 'E_FAILED') => ({
  number,
  replica: '1 host pid 7',
  state: 'failed',
  code,
  finishedAt: at('12:00'),
});
const pause = (written: Partial<PauseFacts> = {}): PauseFacts => ({
  isOfJob: true,
  pausedAt: at('11:30'),
  endedAt: null,
  until: null,
  reason: null,
  by: 'ann',
  endedBy: null,
  ...written,
});

/** At 18:00, about 12:00, which is an occurrence. */
interface Given extends Partial<Omit<Facts, 'present' | 'versions' | 'explained'>> {
  present?: Partial<Omit<Facts['present'], 'job'>>;
  job?: Partial<Facts['present']['job']> | null;
  version?: Partial<VersionFacts>;
  explained?: Partial<Facts['explained']>;
}
function judged({ present, job, version: of, explained, ...facts }: Given) {
  const now = {
    id: 'job-id',
    task: 'task',
    paused: false,
    pausedUntil: null,
    nextOccurrenceAt: at('18:10'),
    nextRunAt: at('18:10'),
  };
  const instant = facts.at ?? at('12:00');
  return judge({
    at: instant,
    versions: { before: version(of), after: null },
    row: null,
    pauses: [],
    blockedBy: null,
    losses: [],
    ...facts,
    present: {
      now: at('18:00'),
      prunedUntil: null,
      schedulerPaused: false,
      schedulers: 1,
      workers: 1,
      job: job === null ? null : { ...now, ...job },
      ...present,
    },
    explained: { isOccurrence: true, due: instant.getTime(), before: null, after: null, faults: [], ...explained },
  });
}

describe('a run', () => {
  it.each<[string, Partial<RowFacts>, string, string]>([
    [
      'that failed in its only attempt has run',
      { state: 'failed', attempts: [failed(1)] },
      'ran',
      'It started at 2026-06-01T12:00:00.000Z and ended as failed at 2026-06-01T12:01:00.000Z.',
    ],
    [
      'whose only attempt was lost has run',
      { state: 'failed', reason: 'worker_lost', attempts: [failed(1, 'WORKER_LOST')] },
      'ran',
      'It started at 2026-06-01T12:00:00.000Z and ended as failed at 2026-06-01T12:01:00.000Z.',
    ],
    [
      'that was tried again is late',
      { attempt: 2, attempts: [failed(1)] },
      'late',
      'Its last attempt started at 2026-06-01T12:00:00.000Z, and it ended as succeeded at 2026-06-01T12:01:00.000Z: an attempt did not succeed, and it was tried again.',
    ],
    [
      'that is to be tried again is late',
      { state: 'retrying', finishedAt: null, attempt: 2, attempts: [failed(1), failed(2)] },
      'late',
      'Its last attempt started at 2026-06-01T12:00:00.000Z, and it is retrying: attempts did not succeed.',
    ],
    [
      'whose replica was lost is late',
      { attempt: 2, attempts: [failed(1, 'WORKER_LOST')] },
      'late',
      'Its last attempt started at 2026-06-01T12:00:00.000Z, and it ended as succeeded at 2026-06-01T12:01:00.000Z: attempt 1 was lost with its replica 1 host pid 7.',
    ],
    [
      'that waits for a slot is late',
      { state: 'pending', startedAt: null, finishedAt: null, latenessMs: null },
      'late',
      'It has not started yet: it waits in the queue for a free slot.',
    ],
    [
      'that waited for a slot is late',
      { latenessMs: 6_000 },
      'late',
      'Its last attempt started at 2026-06-01T12:00:00.000Z, and it ended as succeeded at 2026-06-01T12:01:00.000Z: it waited for a free slot, or for another run of the job.',
    ],
  ])('%s', (_case, written, verdict, because) => {
    expect(judged({ row: row(written) })).toMatchObject({ verdict, because });
  });
});

it.each<[string, Partial<RowFacts>, string]>([
  ['a run that was dispatched late', { queuedAt: at('12:02'), latenessMs: 120_000 }, 'Run a second scheduler'],
  ['a run that was caught up', { kind: 'catch_up', latenessMs: 120_000 }, 'Run a second scheduler'],
  ['a run that waited for a slot', { latenessMs: 120_000 }, 'Raise WORKER_CONCURRENCY'],
  ['a run that is held', { latenessMs: null, startedAt: null, finishedAt: null, held: true }, 'Set overlap to allow'],
  ['a run that was tried again', { attempt: 2, attempts: [failed(1)] }, 'GET /runs/{id} has the error'],
])('the remedy for %s fits its cause', (_case, written, remedy) => {
  expect(judged({ row: row(written) }).remedy).toMatch(remedy);
});

describe('an occurrence that did not run', () => {
  const skipped = row({ state: 'skipped', reason: 'overlap', startedAt: null, latenessMs: null });

  it.each([
    ['skip', 'queue or allow'],
    ['queue', 'allow'],
  ])('because of the overlap %s needs %s', (overlap, better) => {
    expect(judged({ row: skipped, version: { overlap } }).remedy).toMatch(`Set overlap to ${better}, or`);
  });

  it('because it was missed says when it was dispatched, and by which misfire policy it was left out', () => {
    const missed = row({ ...skipped, state: 'missed', reason: 'misfire', queuedAt: at('12:05') });
    expect(judged({ row: missed })).toMatchObject({
      verdict: 'missed',
      because:
        'No scheduler dispatched it before 2026-06-01T12:05:00.000Z, and the misfire policy of the job then left it out: policy skip, graceSeconds 60, maxCatchUp 10.',
    });
  });

  it('and whose pause ended while no scheduler lived was paused before that end, and is overdue after it', () => {
    const given: Given = {
      job: { paused: true, pausedUntil: at('12:00'), nextOccurrenceAt: at('11:40') },
      present: { schedulers: 0 },
      pauses: [pause({ until: at('12:00') })],
    };
    expect(judged({ ...given, at: at('11:50') })).toMatchObject({ verdict: 'paused', because: 'The job was paused.' });
    expect(judged(given)).toMatchObject({
      verdict: 'overdue',
      because: 'It is due, and no live replica has the role scheduler.',
      evidence: [{ code: 'definition' }, { code: 'no_scheduler' }, { code: 'next_run' }],
    });
  });

  it('because dispatching its job has failed says when it is tried again', () => {
    expect(judged({ job: { nextOccurrenceAt: at('12:00'), nextRunAt: at('18:01') } })).toMatchObject({
      verdict: 'overdue',
      because: 'It is due, but dispatching the job has failed. The next try is at 2026-06-01T18:01:00.000Z.',
      evidence: [{}, { code: 'next_run', text: 'The job is dispatched next at 2026-06-01T18:01:00.000Z.' }],
    });
  });
});

it.each([
  ['12:00', '12:00', '12:05', 'lost'],
  ['12:05', '12:00', '12:05', 'lost'],
  ['12:00', '12:01', '12:05', 'unexplained'],
  ['12:06', '12:00', '12:05', 'unexplained'],
])('an occurrence without a row that was due at %s, with a loss from %s to %s, is %s', (due, from, until, verdict) => {
  const losses = [{ from: at(from), until: at(until) }];
  expect(judged({ losses, explained: { due: at(due).getTime() } })).toMatchObject({ verdict });
});

describe('an occurrence that is to come', () => {
  const until = at('20:01');
  const given: Given = {
    at: at('20:00'),
    job: { paused: true, pausedUntil: until },
    pauses: [pause({ until })],
  };

  it('does not run if the pause ends after it is due', () => {
    expect(judged(given)).toMatchObject({
      verdict: 'future',
      because:
        'It is still to come, but as things are it will not run: The job has been paused since 2026-06-01T11:30:00.000Z, with an end at 2026-06-01T20:01:00.000Z.',
    });
  });

  it('runs if the pause ends before its jitter does', () => {
    expect(judged({ ...given, explained: { due: until.getTime() } })).toMatchObject({
      verdict: 'future',
      because: 'It is still to come, with its jitter at 2026-06-01T20:01:00.000Z, and nothing stands in its way.',
      remedy: null,
    });
  });

  it('does not run on time if no scheduler lives', () => {
    expect(judged({ at: at('20:00'), present: { schedulers: 0 } }).because).toBe(
      'It is still to come, but as things are it will not run on time: No live replica has the role scheduler.',
    );
  });
});

it.each<[string, Partial<PauseFacts>, string]>([
  ['goes on', {}, 'The job has been paused since 2026-06-01T11:30:00.000Z.'],
  [
    'has an end',
    { until: at('20:00'), reason: 'move' },
    'The job has been paused since 2026-06-01T11:30:00.000Z, with an end at 2026-06-01T20:00:00.000Z: move.',
  ],
  [
    'was ended by somebody',
    { endedAt: at('13:00'), endedBy: 'bob', until: at('20:00') },
    'The job was paused from 2026-06-01T11:30:00.000Z to 2026-06-01T13:00:00.000Z.',
  ],
  [
    'has ended by itself',
    { endedAt: at('13:00'), until: at('13:00'), isOfJob: false },
    'The scheduler was paused from 2026-06-01T11:30:00.000Z to 2026-06-01T13:00:00.000Z, when the pause ended by itself.',
  ],
])('the evidence of a pause says that it %s', (_case, written, text) => {
  const skipped = row({ state: 'skipped', reason: 'paused' });
  expect(judged({ row: skipped, pauses: [pause(written)] }).evidence.at(-1)!.text).toBe(text);
});

import { BY_CRON_RULE } from '../core/triggers/clock-change.js';
import type { TriggerDefinition } from '../core/triggers/trigger.js';
import { TZ_VERSION } from '../core/triggers/zone-data.js';
import { checkLedger, type LedgerCheckResult, type LedgerScope, pageOfLedger } from './ledger.js';
import type { LedgerJob, LedgerRow, LedgerVersion } from './ledger-entries.js';

const at = (time: string) => Date.parse(`2026-06-01T${time}Z`);
const every = (seconds: number, more: object = {}): TriggerDefinition => ({
  type: 'interval',
  everySeconds: seconds,
  anchor: '2026-06-01T00:00:00.000Z',
  startAt: null,
  endAt: null,
  jitterSeconds: 0,
  ...more,
});
const cron = (expression: string, timeZone = 'UTC'): TriggerDefinition => ({
  type: 'cron',
  expression,
  timeZone,
  startAt: null,
  endAt: null,
  jitterSeconds: 0,
});
const version = (written: Partial<LedgerVersion> = {}): LedgerVersion => ({
  version: 1,
  from: at('00:00'),
  to: null,
  first: null,
  earlierUnknown: false,
  tzVersion: null,
  trigger: every(600),
  clockChange: BY_CRON_RULE,
  ...written,
});
const row = (time: string, written: Partial<LedgerRow> = {}): LedgerRow => ({
  id: time,
  at: at(time),
  to: null,
  count: null,
  kind: 'schedule',
  state: 'succeeded',
  reason: null,
  started: at(time),
  ...written,
});
const range = (from: string, to: string, count: number | null, state = 'missed') =>
  row(from, { to: at(to), count, state, started: null });
const job = (versions: LedgerVersion[], rows: LedgerRow[], now: Partial<LedgerJob['now']> | null = {}): LedgerJob => {
  const last = versions.at(-1)!;
  const current = {
    version: last.version,
    tzVersion: last.tzVersion,
    next: at('23:00'),
    paused: false,
    pausedAt: null,
    pausedUntil: null,
  };
  return { id: 'one', name: 'job', versions, rows, now: now && { ...current, ...now } };
};
/** From 12:00 to 13:00, at 18:00. */
const SCOPE: LedgerScope = {
  from: at('12:00'),
  to: at('13:00'),
  now: at('18:00'),
  schedulerPaused: false,
  prunedUntil: null,
  losses: [],
};
const MOST = { instants: 1_000, ms: 10_000, findings: 100 };
const check = (
  jobs: LedgerJob[],
  scope: Partial<LedgerScope> = {},
  most: Partial<typeof MOST> = {},
): LedgerCheckResult =>
  checkLedger({ jobs: JSON.stringify(jobs), scope: { ...SCOPE, ...scope }, most: { ...MOST, ...most } });
const found = ({ findings }: LedgerCheckResult) => findings.map(({ at: ms, what }) => `${iso(ms)} ${what}`);
const iso = (ms: number) => new Date(ms).toISOString().slice(11, 16);

const all = ['12:00', '12:10', '12:20', '12:30', '12:40', '12:50', '13:00'].map((time) => row(time));
const without = (time: string) => all.filter(({ id }) => id !== time);

describe('a ledger without a gap', () => {
  it.each<[string, LedgerJob, object]>([
    ['one row for each instant', job([version()], all), { expected: 7, ran: 7 }],
    [
      'a range row that covers some of them',
      job([version()], [row('12:00'), range('12:10', '12:40', 4), row('12:50'), row('13:00')]),
      { expected: 7, ran: 3, missed: 4 },
    ],
    [
      'range rows that begin before the time and end after it',
      job([version()], [range('11:30', '12:20', 6), row('12:30'), range('12:40', '13:30', 6, 'skipped')]),
      { expected: 7, ran: 1, missed: 3, skipped: 3 },
    ],
    [
      'an edit of the trigger, at whose instant the old one still counts',
      job(
        [version({ to: at('12:30') }), version({ version: 2, from: at('12:30'), trigger: every(900) })],
        [...all.slice(0, 4), row('12:45'), row('13:00')],
      ),
      { expected: 6, ran: 6 },
    ],
    ['a job that was created meanwhile', job([version({ from: at('12:30') })], all.slice(4)), { expected: 3, ran: 3 }],
    ['a job that was deleted meanwhile', job([version({ to: at('12:30') })], all.slice(0, 4), null), { ran: 4 }],
    [
      'a cron job whose count of a range is not known',
      job([version({ trigger: cron('*/10 * * * *') })], [range('12:00', '13:00', null)]),
      { expected: 7, missed: 7 },
    ],
    [
      'a job that has ended',
      job([version({ trigger: every(600, { endAt: '2026-06-01T12:15:00.000Z' }) })], all.slice(0, 2)),
      { expected: 2, ran: 2 },
    ],
  ])('%s', (_case, one, counts) => {
    const result = check([one]);
    expect(result).toMatchObject({ done: 1, counts: { unexplained: 0, doubled: 0, notProvable: 0, ...counts } });
    expect(result.findings).toEqual([]);
  });
});

describe('a gap', () => {
  it.each<[string, LedgerRow[], string[], object]>([
    ['a row that is gone', without('12:30'), ['12:30 no_row'], { unexplained: 1, ran: 6 }],
    [
      'a row that was moved',
      without('12:30').toSpliced(3, 0, row('12:35')),
      ['12:30 no_row', '12:35 not_asked_for'],
      { unexplained: 2 },
    ],
    ['two rows for one instant', all.toSpliced(2, 0, row('12:20')), ['12:20 doubled'], { doubled: 1, ran: 6 }],
    [
      'a range row over a run',
      [row('12:00'), range('12:10', '12:30', 3), row('12:20'), ...all.slice(4)],
      ['12:20 doubled'],
      { doubled: 1 },
    ],
    [
      'a range row with a wrong count',
      [row('12:00'), range('12:10', '12:30', 4), ...all.slice(4)],
      ['12:10 wrong_range'],
      { unexplained: 1 },
    ],
    [
      'a range row whose end is no instant',
      [row('12:00'), range('12:10', '12:35', 3), ...all.slice(4)],
      ['12:10 wrong_range'],
      { unexplained: 1 },
    ],
  ])('%s is found', (_case, rows, findings, counts) => {
    const result = check([job([version()], rows)]);
    expect(found(result)).toEqual(findings);
    expect(result.counts).toMatchObject(counts);
  });

  it.each<[string, LedgerJob, Partial<LedgerScope>, string[], object]>([
    [
      'it may still be dispatched',
      job([version()], without('13:00')),
      { now: at('13:00') + 59_000 },
      [],
      { waiting: 1 },
    ],
    [
      'its jitter goes on',
      job([version({ trigger: every(600, { jitterSeconds: 500 }) })], without('13:00')),
      { now: at('13:00') },
      [],
      { waiting: 1 },
    ],
    [
      'it is due, and dispatching has not reached it',
      job([version()], without('13:00'), { next: at('13:00') }),
      {},
      ['13:00 overdue'],
      { unexplained: 1 },
    ],
    [
      'the job is paused',
      job([version()], all.slice(0, 5), { paused: true, pausedAt: at('12:45') }),
      {},
      [],
      { waiting: 2 },
    ],
    [
      'the job was paused only later',
      job([version()], all.slice(0, 5), { paused: true, pausedAt: at('12:55') }),
      {},
      ['12:50 no_row'],
      { waiting: 1 },
    ],
    [
      'the pause has reached its end, and nobody has ended it',
      job([version()], all.slice(0, 3), {
        paused: true,
        pausedAt: at('12:25'),
        pausedUntil: at('12:50'),
        next: at('12:30'),
      }),
      {},
      ['12:50 overdue', '13:00 overdue'],
      { waiting: 2, unexplained: 2 },
    ],
    [
      'the scheduler is paused',
      job([version()], all.slice(0, 5), { next: at('12:50') }),
      { schedulerPaused: true },
      [],
      { waiting: 2 },
    ],
    ['its row is pruned', job([version()], all.slice(2)), { prunedUntil: at('12:15') }, [], { notProvable: 2 }],
    [
      'the database has lost data from before it to its instant',
      job([version()], without('12:30')),
      { losses: [{ from: at('12:25'), until: at('12:30') }] },
      ['12:30 lost'],
      { lost: 1, unexplained: 0, ran: 6 },
    ],
    [
      'nobody knows since when the database has lost data',
      job([version()], without('12:30')),
      { losses: [{ from: null, until: at('12:31') }] },
      ['12:30 lost'],
      { lost: 1, unexplained: 0 },
    ],
    [
      'the database has lost data until before it, and after it',
      job([version()], without('12:30')),
      {
        losses: [
          { from: null, until: at('12:30') - 1 },
          { from: at('12:30') + 1, until: at('13:00') },
        ],
      },
      ['12:30 no_row'],
      { lost: 0, unexplained: 1 },
    ],
    [
      'the database has lost data, and dispatching has not reached it',
      job([version()], without('13:00'), { next: at('13:00') }),
      { losses: [{ from: at('12:00'), until: at('13:00') }] },
      ['13:00 overdue'],
      { lost: 0, unexplained: 1 },
    ],
    [
      'other time zone data gave it',
      job([version({ trigger: cron('*/10 * * * *', 'Europe/Berlin'), tzVersion: '1999a' })], without('12:30')),
      {},
      [],
      { notProvable: 1 },
    ],
    [
      'these time zone data gave it',
      job([version({ trigger: cron('*/10 * * * *', 'Europe/Berlin'), tzVersion: TZ_VERSION })], without('12:30')),
      {},
      ['12:30 no_row'],
      { notProvable: 0 },
    ],
    [
      'what applied later is not known',
      job(
        [version({ to: at('20:00') }), version({ version: 3, from: at('20:00'), earlierUnknown: true })],
        without('12:30'),
      ),
      {},
      [],
      { notProvable: 1 },
    ],
    [
      'another definition has been written without a record',
      job([version()], without('12:30'), { version: 2 }),
      {},
      [],
      { notProvable: 1 },
    ],
    [
      'a row is older than what is known',
      job([version({ from: at('12:35'), earlierUnknown: true })], all),
      {},
      [],
      { notProvable: 4, expected: 3 },
    ],
    [
      'a row is older than the job',
      job([version({ from: at('12:35') })], all.slice(3)),
      {},
      ['12:30 not_asked_for'],
      { unexplained: 1 },
    ],
    ['the trigger cannot be read', job([version({ trigger: cron('nonsense') })], []), {}, [], { notProvable: 1 }],
  ])('is judged by what is known: %s', (_case, one, scope, findings, counts) => {
    const result = check([one], scope);
    expect(found(result)).toEqual(findings);
    expect(result.counts).toMatchObject(counts);
  });
});

it('new time zone data ask for the instants from their first one on, which may be earlier than they are', () => {
  const berlin = cron('0 * * * *', 'Europe/Berlin');
  const versions = [
    version({ trigger: berlin, tzVersion: '1999a', to: at('12:30') }),
    version({ trigger: berlin, tzVersion: TZ_VERSION, from: at('12:30'), first: at('12:00') }),
  ];
  expect(found(check([job(versions, [row('13:00')])]))).toEqual(['12:00 no_row']);
  expect(check([job(versions, [row('12:00'), row('13:00')])]).counts).toMatchObject({
    expected: 2,
    ran: 2,
    notProvable: 0,
  });
});

describe('the limits of a check', () => {
  it('end it after the jobs that fit', () => {
    const jobs = [job([version()], all), job([version()], all), job([version()], all)];
    expect(check(jobs, {}, { instants: 15 })).toMatchObject({ done: 2, counts: { expected: 14 } });
    expect(check(jobs, {}, { instants: 6 })).toMatchObject({ done: 0, counts: { expected: 0 } });
  });

  it('keep the first findings', () => {
    expect(check([job([version()], [])], {}, { findings: 2 })).toMatchObject({
      counts: { unexplained: 7 },
      findings: [{}, {}],
    });
  });
});

it('a page lists instants with their rows, in the order of time, and what is not known as one range', () => {
  const known = version({ from: at('12:15'), earlierUnknown: true });
  const rows = [range('12:20', '12:30', 2), row('12:40'), row('12:45')];
  const items = pageOfLedger({ jobs: JSON.stringify([job([known], rows)]), scope: SCOPE, most: 5 });
  expect(
    items.map(({ at: ms, to, disposition, rows: of }) => [iso(ms), to && iso(to), disposition, of.map(({ id }) => id)]),
  ).toEqual([
    ['12:00', '12:15', 'unknown', []],
    ['12:20', null, 'missed', ['12:20']],
    ['12:30', null, 'missed', ['12:20']],
    ['12:40', null, 'ran', ['12:40']],
    ['12:45', null, 'not_asked_for', ['12:45']],
  ]);
});

import { rulesOf } from './clock-change.js';
import { calendarOf } from './cron.calendar.js';
import { cronNotes } from './cron.notes.js';
import { amountOf } from './number-words.js';
import type { CronDefinition, IntervalDefinition, Schedule } from './trigger.js';
import { DAY, zoneOf } from './zone.js';

/** Facts about a trigger that may surprise its user. `occurrences` are its first ones after the time that the
 *  user gave, in ascending order. The note on DST covers the year after the first of them. When there are none, a note says so. */
export function notesOf({ trigger: definition, clockChange }: Schedule, occurrences: readonly Date[]): string[] {
  const notes = occurrences.length === 0 ? [NO_OCCURRENCE] : [];
  if (definition.type === 'date') return notes;
  if (definition.type === 'interval') return [gridNote(definition), ...notes];
  const { isEitherDay, isFixed } = calendarOf(definition.expression);
  if (isEitherDay) {
    notes.push(
      'Day-of-month and day-of-week are both restricted: either matches. With a + before day-of-week both must.',
    );
  }
  const [first] = occurrences;
  if (first && observesDst(definition, first))
    notes.push(`${definition.timeZone} observes DST: ${clockChangeNote(rulesOf(clockChange, isFixed))}`);
  return [...notes, ...cronNotes(definition.expression), ...offsetNotes(definition.timeZone)];
}

const NO_OCCURRENCE = 'There is no occurrence after that time.';

function gridNote({ anchor, startAt }: IntervalDefinition): string {
  const origin = anchor === startAt ? `its startAt, ${anchor}` : anchor;
  return `The grid is fixed at ${origin}. It does not drift, and restarts and deploys do not move it.`;
}

/** In names such as Etc/GMT+5, the sign is the opposite of the usual one. */
function offsetNotes(timeZone: string): string[] {
  const [, sign, hours] = /^Etc\/GMT([+-])(\d+)$/i.exec(timeZone) ?? [];
  if (!sign || Number(hours) === 0) return [];
  const side = sign === '+' ? 'behind' : 'ahead of';
  return [
    `${timeZone} is ${amountOf(Number(hours), 'hour')} ${side} UTC: the sign in such a name is the opposite of the usual one.`,
  ];
}

const clockChangeNote = ({ gap, repeat }: ReturnType<typeof rulesOf>): string =>
  `a time in the skipped hour ${IN_GAP[gap]}, and a time in the repeated hour ${IN_REPEAT[repeat]}.`;

const IN_GAP = {
  run: 'runs right after that hour',
  skip: 'does not run',
  shift: 'runs an hour later by the clock',
};
const IN_REPEAT = {
  first: 'runs once, in the first pass',
  last: 'runs once, in the last pass',
  both: 'runs in both passes',
};

function observesDst({ timeZone }: CronDefinition, from: Date): boolean {
  const zone = zoneOf(timeZone);
  const months = Array.from({ length: 13 }, (_each, month) => zone.offset(from.getTime() + month * 30 * DAY));
  return new Set(months).size > 1;
}

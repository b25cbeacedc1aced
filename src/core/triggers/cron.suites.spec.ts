import { readdirSync, readFileSync } from 'node:fs';
import { contradictionIn } from '../../../test/support/description-check.js';
import { calendarOf } from './cron.calendar.js';
import { cronInput } from './cron.input.js';
import { CronOccurrences } from './cron.trigger.js';

/** What other schedulers' tests say about cron expressions, a file for each, whose first line describes the dialect. A section has the
 *  expressions that behave as here, or that differ from here for the same reason. All instants are in UTC.
 *  - `E | zone | a > b > c`: the next instant after a is b, and then c. Without a zone, the zone is UTC. `never`: there is none.
 *  - `E => F | zone | a > b`: F is what to write here instead of E.
 *  - `E | zone | a > b / c`: the next instant is b there, and c here. Of a clock change, a `clockChange` of the job gives b. */
const FOLDER = new URL('../../../test/cron-suites/', import.meta.url);
const DOCUMENT = new URL('../../../docs/cron-differences.md', import.meta.url);

/** An instant, the next one in the other scheduler, and the next one here where it differs. Null: never. */
type Step = { after: Date; there: Date | null; here: Date | null };
type Next = (after: Date) => Date | null;

const SECTIONS: Record<string, (line: string) => string[]> = {
  'same instants': (line) => {
    const { expression, steps, next } = read(line);
    return [...wrongSteps(steps, next), ...misdescribed(expression)];
  },
  'same schedule': (line) => {
    const [one, other] = line.split(' = ') as [string, string];
    const schedules = [one, other].map((each) => rangeOfInstants(each));
    return [
      ...(schedules[0] === schedules[1] ? [] : ['another schedule']),
      ...misdescribed(one),
      ...misdescribed(other),
    ];
  },
  valid: (line) => misdescribed(line),
  'accepted here': (line) => misdescribed(line),
  refused: refusal,
  'cannot be written': refusal,
  'both day fields': rewriting,
  'weekdays from 1': rewriting,
  'seconds last': rewriting,
  'year last': rewriting,
  'question marks': rewriting,
  'zone in the expression': (line) => [...rewriting(line), ...missing(line, ({ instead }) => `write "${instead}"`)],
  'ranges over the end': (line) => [...rewriting(line), ...missing(line, (each) => `write ${changedField(each)}`)],
  'other spellings': (line) => [...rewriting(line), ...missing(line, (each) => `write ${changedField(each)}`)],
  'clock changes': (line) => [...difference(line), ...unmet(line)],
  'other times': difference,
};

const DIFFERENCES = Object.keys(SECTIONS).filter(
  (name) => !['same instants', 'same schedule', 'valid', 'refused'].includes(name),
);

const suites = readdirSync(FOLDER).map((file) => ({ suite: file.replace('.txt', ''), sections: sectionsOf(file) }));

describe.each(suites)('$suite', ({ sections }) => {
  describe.each(sections)('$name', ({ name, lines }) => {
    it.each(lines)('%s', (line) => {
      expect(SECTIONS[name]!(line)).toEqual([]);
    });
  });
});

describe('docs/cron-differences.md', () => {
  const text = readFileSync(DOCUMENT, 'utf8');
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!.toLowerCase());

  it('has a section for each kind of difference, and no other', () => {
    expect(headings.toSorted()).toEqual(DIFFERENCES.toSorted());
  });

  it('says only what is accepted here', () => {
    const cells = [...text.matchAll(/^\|.*\| ([^|]*) \|$/gm)].map(([, cell]) => cell!);
    const codes = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));
    const expressions = codes.filter((code) => /[\s@]/.test(code));
    expect(expressions.length).toBeGreaterThan(10);
    expect(expressions.filter((each) => faultOf(each) !== undefined)).toEqual([]);
  });
});

function sectionsOf(file: string): { name: string; lines: string[] }[] {
  const [, ...parts] = readFileSync(new URL(file, FOLDER), 'utf8').split(/^\[/m);
  return parts.map((part) => {
    const [name, ...lines] = part.trim().split('\n');
    return { name: name!.slice(0, -1), lines };
  });
}

function read(line: string) {
  const [written, ...rest] = line.split(/ \| ?/);
  const [expression, instead = expression] = written!.split(' => ') as [string, string?];
  const [times = '', zone = 'UTC'] = rest.toReversed();
  const nextOf = (text: string): Next => {
    const occurrences = faultOf(text)?.includes('never fires') ? null : new CronOccurrences(text, zone);
    return (after) => occurrences?.next(after) ?? null;
  };
  return { expression, instead, zone, steps: stepsOf(times), next: nextOf(instead), nextOf };
}

function stepsOf(times: string): Step[] {
  return times
    .split(', ')
    .filter((chain) => chain !== '')
    .flatMap((chain) => {
      const instants = chain.split(' > ');
      return instants.slice(1).map((pair, index) => {
        const [there, here = there] = pair.split(' / ');
        return { after: instant(instants[index]!.split(' / ')[0]!)!, there: instant(there!), here: instant(here!) };
      });
    });
}

const instant = (text: string): Date | null =>
  text === 'never' ? null : new Date(text.includes(':') ? `${text.replace(' ', 'T')}Z` : text);

const wrongSteps = (steps: Step[], next: Next): string[] =>
  steps
    .filter(({ after, here }) => next(after)?.getTime() !== here?.getTime())
    .map(({ after }) => `after ${after.toISOString()}: ${next(after)?.toISOString()}`);

/** For `E => F | …`: F has the instants of E in the other scheduler, and E is refused here or has other instants. */
function rewriting(line: string): string[] {
  const { expression, instead, steps, next, nextOf } = read(line);
  const isRefused = faultOf(expression) !== undefined;
  const differs = isRefused || wrongSteps(steps, nextOf(expression)).length > 0;
  return [...(differs ? [] : ['no difference']), ...wrongSteps(steps, next), ...misdescribed(instead)];
}

/** For `E | … | a > b / c`. */
function difference(line: string): string[] {
  const { instead, steps, next } = read(line);
  const equal = steps.filter(({ there, here }) => there?.getTime() === here?.getTime());
  return [...equal.map(() => 'no difference'), ...wrongSteps(steps, next), ...misdescribed(instead)];
}

/** The instants of the other scheduler that no setting of `clockChange` gives. */
function unmet(line: string): string[] {
  const { instead, zone, steps } = read(line);
  const settings = clockChanges.map((each) => new CronOccurrences(instead, zone, each));
  return steps
    .filter(({ after, there }) => !settings.some((each) => each.next(after)?.getTime() === there?.getTime()))
    .map(({ after }) => `no setting, after ${after.toISOString()}`);
}
const clockChanges = (['run', 'skip', 'shift'] as const).flatMap((gap) =>
  (['first', 'last', 'both'] as const).map((repeat) => ({ gap, repeat })),
);

/** For `field | E`: E is refused, and the error names the field, or what else is wrong. */
function refusal(line: string): string[] {
  const [subject, expression] = line.split(/ \| ?/) as [string, string];
  const fault = faultOf(expression) ?? 'accepted';
  const expected = OTHER_FAULTS[subject] ?? `The ${subject} "`;
  return fault.includes(expected) ? [] : [fault];
}
const OTHER_FAULTS: Record<string, string> = {
  '?': '"?" ',
  empty: 'Say when to run',
  fields: ', but 5 are needed',
  name: 'is unknown; known names: @hourly',
  never: 'It never fires',
  six: 'With six fields, the first is the second',
  zone: 'A time zone is not part of an expression',
};

function missing(line: string, hint: (each: { expression: string; instead: string }) => string): string[] {
  const each = read(line);
  const fault = faultOf(each.expression) ?? 'accepted';
  return fault.includes(hint(each)) ? [] : [fault];
}

const changedField = ({ expression, instead }: { expression: string; instead: string }): string =>
  instead.split(' ').find((field, index) => field !== expression.split(' ')[index])!;

const faultOf = (expression: string): string | undefined =>
  cronInput
    .safeParse({ type: 'cron', expression })
    .error?.issues.map(({ message }) => message)
    .join();

/** The description of an accepted expression names exactly its days and times of day. */
function misdescribed(expression: string): string[] {
  const fault = faultOf(expression);
  if (fault) return fault.includes('never fires') ? [] : [fault];
  const first = new Date(calendarOf(expression).next(Date.UTC(2024, 0))! || calendarOf(expression).next(0)!);
  const contradiction = contradictionIn(expression, first, []);
  return contradiction ? [contradiction] : [];
}

/** The first instants at or after a few dates, as text. */
function rangeOfInstants(expression: string): string {
  const occurrences = new CronOccurrences(expression, 'UTC');
  const instants = Array.from(
    { length: 500 },
    (_each, index) => new Date(Date.UTC(2026, 0, index, index % 24, index % 60, index % 60)),
  );
  return instants.map((after) => occurrences.next(after)?.getTime()).join();
}

/* oxlint-disable no-console -- what tasks print is tested */
import { inspect } from 'node:util';
import type { PinoLogger } from 'nestjs-pino';
import pino from 'pino';
import { runFields, withRunFields } from './run-fields.js';
import { logConsoleOfTasks } from './task-console.js';

let lines: Record<string, unknown>[];
let undo: () => void;

beforeEach(() => {
  lines = [];
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  undo = logConsoleOfTasks(pino({ level: 'debug', mixin: runFields }, { write }) as unknown as PinoLogger);
});

afterEach(() => undo());

const inRun = (job: string, work: () => void) => withRunFields({ runId: job, job, attempt: 1 }, work);
const printed = () => lines.map(({ job, level, msg }) => [job, pino.levels.labels[Number(level)], msg]);

it('logs what a task prints, at the level of the method', () => {
  inRun('a', () => {
    console.debug('one');
    console.log('two %d', 2);
    console.info('three');
    console.warn('four');
    console.error('five');
    console.assert(false, 'six');
    console.dir({ seven: 7 });
  });
  expect(printed()).toEqual([
    ['a', 'debug', 'one'],
    ['a', 'info', 'two 2'],
    ['a', 'info', 'three'],
    ['a', 'warn', 'four'],
    ['a', 'error', 'five'],
    ['a', 'error', 'Assertion failed: six'],
    ['a', 'info', '{ seven: 7 }'],
  ]);
});

it('logs a trace at a level that is shown by default', () => {
  inRun('a', () => console.trace('here'));
  expect(printed()).toEqual([['a', 'info', expect.stringMatching(/^Trace: here\n\s+at /)]]);
});

it('does not indent the lines of other runs when a task leaves a group open', () => {
  inRun('a', () => {
    console.group('group');
    console.log('inside');
    console.warn('inside');
  });
  inRun('b', () => {
    console.log('another run');
    console.warn('another run');
  });
  expect(printed().map(([, , text]) => text)).toEqual(['group', 'inside', 'inside', 'another run', 'another run']);
});

it('keeps the level of a line while an object in it prints a line of its own', () => {
  const talkative = {
    [inspect.custom]() {
      console.warn('inner');
      return 'outer';
    },
  };
  inRun('a', () => console.error(talkative));
  expect(printed()).toEqual([
    ['a', 'warn', 'inner'],
    ['a', 'error', 'outer'],
  ]);
});

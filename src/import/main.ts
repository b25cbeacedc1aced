import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Problem } from '../core/problem.js';
import { isTimeZone } from '../core/triggers/zone.js';
import { readApscheduler } from './apscheduler.js';
import { checkJobs } from './check-jobs.js';
import { readCrontab } from './crontab.js';
import { readK8s } from './k8s.js';
import { unreadable } from './parse.js';
import { jobsFileOf, reportOf } from './print.js';

const FORMATS = { crontab: readCrontab, apscheduler: readApscheduler, k8s: readK8s };

const USAGE = `npm run -s import -- crontab|apscheduler|k8s FILE > jobs.yaml   (FILE is - for standard input)
  --time-zone=Europe/Berlin              the zone of whatever names none
  --user-column                          crontab: a user stands before each command
  --scheduler-api=http://host/scheduler  apscheduler: where jobs run that are Python`;

/** Prints a jobs file, and on the standard error output what became of what. */
function main(): void {
  const { values, positionals } = readArguments();
  const [format = '', file, ...others] = positionals;
  if (!Object.hasOwn(FORMATS, format) || file === undefined || others.length > 0) throw usage();
  const timeZone = values['time-zone'];
  if (timeZone !== undefined && !isTimeZone(timeZone))
    throw usage(`"${timeZone}" is no time zone; Europe/Berlin would be one`);
  const text = readText(file);
  const read = FORMATS[format as keyof typeof FORMATS];
  const checked = checkJobs(
    read(text, { source: file, timeZone, userColumn: values['user-column'], schedulerApi: values['scheduler-api'] }),
  );
  const from = file === '-' ? format : basename(file);
  process.stdout.write(jobsFileOf(checked, from));
  process.stderr.write(reportOf(checked, from));
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        'time-zone': { type: 'string' },
        'user-column': { type: 'boolean' },
        'scheduler-api': { type: 'string' },
      },
    });
  } catch (error) {
    throw usage((error as Error).message);
  }
}

const usage = (message?: string): Problem =>
  new Problem(422, 'IMPORT_USAGE', message === undefined ? USAGE : `${message}\n${USAGE}`);

function readText(file: string): string {
  try {
    // npm runs this in the folder of the project.
    return readFileSync(file === '-' ? 0 : resolve(process.env.INIT_CWD ?? '.', file), 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    throw unreadable((error as Error).message);
  }
}

try {
  main();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = 1;
}

import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Problem } from '../core/problem.js';
import { zoneFaultOf } from '../core/triggers/zone-names.js';
import { importApscheduler } from './apscheduler.js';
import { checkJobs } from './check-jobs.js';
import { importCrontab } from './crontab.js';
import { unreadable } from './import-result.js';
import { importK8s } from './k8s.js';
import { jobsFileOf, reportOf } from './print.js';

const IMPORTERS = { crontab: importCrontab, apscheduler: importApscheduler, k8s: importK8s };

const USAGE = `npm run -s import -- crontab|apscheduler|k8s FILE > jobs.yaml   (FILE is - for standard input)
  --time-zone=Europe/Berlin              for jobs that name no time zone
  --user-column                          crontab: each line names a user before its command
  --scheduler-api=http://host/scheduler  apscheduler: the API of the old service, which then runs the Python functions`;

/** Prints the jobs file to standard output and the report to standard error. */
function main(): void {
  const { values, positionals } = readArguments();
  const [format = '', file, ...others] = positionals;
  if (!Object.hasOwn(IMPORTERS, format) || file === undefined || others.length > 0) throw usage();
  const timeZone = values['time-zone'];
  const fault = timeZone === undefined ? null : zoneFaultOf(timeZone);
  if (fault) throw usage(`"${timeZone}" is not a time zone such as Europe/Berlin. ${fault}`);
  const text = readText(file);
  const importJobs = IMPORTERS[format as keyof typeof IMPORTERS];
  const checked = checkJobs(
    importJobs(text, {
      source: file,
      timeZone,
      userColumn: values['user-column'],
      schedulerApi: values['scheduler-api'],
    }),
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
    // npm runs this in the folder of the project; INIT_CWD is the folder in which the user called npm.
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

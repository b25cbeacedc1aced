import { type Fault, Problem } from '../../core/problem.js';
import { jsonPointer } from '../../core/json-pointer.js';

export interface JobsFileFault {
  /** Of the file in its folder; empty where there is only one. */
  file: string;
  /** From 1. */
  line: number;
  /** Empty for the whole file. */
  path: PropertyKey[];
  message: string;
}

const MOST_FAULTS = 100;

/** Names each fault of a jobs file with its line; beyond a hundred, their number. */
export class JobsFileError extends Problem {
  /** 400: it is no YAML at all. */
  constructor(status: 400 | 422, title: string, faults: JobsFileFault[]) {
    const told = faults.slice(0, MOST_FAULTS);
    const rest = faults.length - told.length;
    const lines = [...told.map(inWords), ...(rest > 0 ? [`and ${rest} more`] : [])];
    const text = lines.map((line) => `  ${line}`).join('\n');
    super(status, 'JOBS_FILE_INVALID', `${title} has faults, so nothing of it was taken:\n${text}`, told.map(asFault));
  }
}

const inWords = ({ file, line, path, message }: JobsFileFault): string =>
  [`${file} line ${line}`.trimStart(), path.map(String).join('.'), message].filter((part) => part !== '').join(': ');

const asFault = ({ line, path, message }: JobsFileFault): Fault => ({ path: jsonPointer(path), message, line });

import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';

/** A job as the foreign file has it. */
export interface FoundJob {
  /** Where it stands there, such as "line 3". */
  place: string;
  /** Made valid and unique later. */
  name: string;
  definition: JobDefinitionInput;
  /** What differs from the original. */
  changes: string[];
  /** Why it cannot run as it is; it is then printed as a comment, for somebody to complete. */
  todo?: string;
}

/** What was read of a foreign file; nothing of it goes without a word. */
export interface Found {
  jobs: FoundJob[];
  lost: { place: string; reason: string }[];
  /** About the file as a whole. */
  remarks: string[];
}

export interface ImportOptions {
  /** Where the file comes from, in words or as a path. */
  source: string;
  /** The zone of whatever names none; left out, the service's DEFAULT_TIME_ZONE decides. */
  timeZone?: string | undefined;
  /** Of a crontab: a user stands before each command. */
  userColumn?: boolean | undefined;
  /** Of APScheduler: where its HTTP API is, to run there what cannot run here. */
  schedulerApi?: string | undefined;
}

/** Why something cannot be imported. */
export class NotImported extends Error {}

/** What `convert` answers; what it cannot import is put into `found.lost`. */
export function orLost<T>(found: Found, place: string, convert: () => T): T | undefined {
  try {
    return convert();
  } catch (error) {
    if (!(error instanceof NotImported)) throw error;
    found.lost.push({ place, reason: error.message });
    return undefined;
  }
}

export const withoutZone = (what: string): string =>
  `${what} name no time zone: their times are in the DEFAULT_TIME_ZONE of the service; --time-zone=Europe/Berlin writes one`;

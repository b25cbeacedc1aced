import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../core/problem.js';

export interface JobsText {
  /** For messages; empty where there is only one text. */
  name: string;
  text: string;
}

/** The jobs file, or all of a folder in the order of their names. Throws JOBS_FILE_UNREADABLE. */
export async function readJobsTexts(path: string): Promise<JobsText[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [{ name: '', text: await readFile(path, 'utf8') }];
    // A mounted ConfigMap keeps its versions in entries that begin with a dot.
    const names = (await readdir(path)).filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name)).toSorted();
    if (names.length === 0)
      throw new Error(`${path} holds no file *.yaml, *.yml or *.json; one with "jobs: {}" says that there are none`);
    return await Promise.all(names.map(async (name) => ({ name, text: await readFile(join(path, name), 'utf8') })));
  } catch (error) {
    throw new Problem(500, 'JOBS_FILE_UNREADABLE', `JOBS_FILE cannot be read: ${(error as Error).message}`);
  }
}

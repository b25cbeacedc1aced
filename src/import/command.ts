import { basename } from 'node:path';
import { curlRequest } from './curl.js';
import type { HttpRequest } from './http-request.js';
import { NotImportableError } from './import-result.js';
import { parseShellCommand } from './shell-command.js';
import { wgetRequest } from './wget.js';

type ValueOf = (variable: string) => string;

/** The request that a shell command sends. Throws a NotImportableError unless it is a single curl or wget. `valueOf`
 *  returns the value of a variable, and `stdin` is what would be piped into the command. */
export function requestOfCommand(line: string, valueOf: ValueOf, stdin?: string): HttpRequest {
  const { words, outputs } = parseShellCommand(line, valueOf);
  const request = requestOfWords(words, valueOf, stdin);
  if (outputs.length === 0) return request;
  const change = `the response is kept with the run, not in ${outputs.join(', ')}`;
  return { ...request, changes: [...request.changes, change] };
}

/** The request of a program that is started without a shell: variables in its arguments are plain text, except in the
 *  script of `sh -c`. */
export function requestOfWords([program = '', ...args]: string[], valueOf: ValueOf, stdin?: string): HttpRequest {
  const name = basename(program);
  if (name === 'curl') return curlRequest(args, stdin);
  if (name === 'wget') return wgetRequest(args);
  if (/^(ba|da|a)?sh$/.test(name) && /^-[a-z]*c$/.test(args[0] ?? '') && args[1] !== undefined)
    return requestOfCommand(args[1], valueOf, stdin);
  if (name === 'run-parts' && args.length > 0)
    throw new NotImportableError(
      `run-parts starts every program in ${args.at(-1)}; write a task and a job for each of them`,
    );
  throw new NotImportableError(`"${name}" is neither curl nor wget; write a task for it`);
}

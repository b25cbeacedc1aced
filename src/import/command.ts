import { basename } from 'node:path';
import { curlCall } from './curl.js';
import { NotImported } from './found.js';
import type { HttpCall } from './http-call.js';
import { shellCommand } from './shell-command.js';
import { wgetCall } from './wget.js';

export type ValueOf = (variable: string) => string;

/** The request that a line for the shell makes; anything but a lone curl or wget is refused. */
export function callOfLine(line: string, valueOf: ValueOf, stdin?: string): HttpCall {
  const { words, outputs } = shellCommand(line, valueOf);
  const call = callOfWords(words, valueOf, stdin);
  return outputs.length === 0
    ? call
    : { ...call, changes: [...call.changes, `the answer is kept with the run, not in ${outputs.join(', ')}`] };
}

/** The request that a program makes which is started with these words; variables in them are text, but for `sh -c`. */
export function callOfWords([program = '', ...args]: string[], valueOf: ValueOf, stdin?: string): HttpCall {
  const name = basename(program);
  if (name === 'curl') return curlCall(args, stdin);
  if (name === 'wget') return wgetCall(args);
  if (/^(ba|da|a)?sh$/.test(name) && /^-[a-z]*c$/.test(args[0] ?? '') && args[1] !== undefined)
    return callOfLine(args[1], valueOf, stdin);
  throw new NotImported(`"${name}" is neither curl nor wget; write a task for it`);
}

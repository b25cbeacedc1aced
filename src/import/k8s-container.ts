import { callOfWords } from './command.js';
import { NotImported } from './found.js';
import type { HttpCall } from './http-call.js';
import type { Container } from './k8s-manifest.js';
import { markOf } from './secret-marks.js';

/** The request that the container makes; secrets in it are marks. */
export function callOfContainer({ image = '', command, args, env }: Container): HttpCall {
  const values = new Map<string, string>();
  const declared = new Set(env.map(({ name }) => name));
  const valueOf = (name: string): string => {
    const value = values.get(name);
    if (value === undefined)
      throw new NotImported(`the value of $${name} is not in the manifest; write it there, as value in env`);
    return value;
  };
  /** Kubernetes fills in `$(NAME)`, reads `$$` as a $, and leaves unknown names as they are. */
  const fillIn = (text: string) =>
    text.replace(/\$\$|\$\(([\w.-]+)\)/g, (all, name: string | undefined) => {
      if (name === undefined) return '$';
      return declared.has(name) ? valueOf(name) : all;
    });
  for (const { name, value = '', valueFrom } of env) {
    const secret = valueFrom?.secretKeyRef;
    if (secret) values.set(name, markOf(secretName(secret)));
    else if (valueFrom === undefined) values.set(name, fillIn(value));
  }
  return callOfWords(wordsOf(image, command, args).map(fillIn), valueOf);
}

const KNOWN = /(^|\/)(curl|wget|(ba|da|a)?sh)$/;

/** Without a command the image decides; one of curl's starts curl. */
function wordsOf(image: string, command: string[], args: string[]): string[] {
  if (command.length > 0) return [...command, ...args];
  if (KNOWN.test(args[0] ?? '')) return args;
  if (/(^|\/)curl(images\/curl)?([:@]|$)/.test(image)) return ['curl', ...args];
  throw new NotImported(`what the image "${image}" starts is not said; write a task for it`);
}

/** As a file in SECRETS_DIR is named. */
const secretName = ({ name, key }: { name: string; key: string }): string =>
  `${name}.${key}`.replaceAll(/[^\w.-]/g, '-');

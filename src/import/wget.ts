import { parseArgs } from 'node:util';
import { NotImported } from './found.js';
import { addHeader, basicAuth, bodyOf, headerKey, type Headers, type HttpCall, httpInputOf } from './http-call.js';
import { isMarked } from './secret-marks.js';

const flag = { type: 'boolean' } as const;
const text = { type: 'string' } as const;

const OPTIONS = {
  header: { ...text, multiple: true },
  'post-data': text,
  'body-data': text,
  method: text,
  spider: flag,
  user: text,
  password: text,
  'http-user': text,
  'http-password': text,
  'user-agent': { ...text, short: 'U' },
  timeout: { ...text, short: 'T' },
  tries: { ...text, short: 't' },
  waitretry: text,
  'output-document': { ...text, short: 'O' },
  'output-file': { ...text, short: 'o' },
  quiet: { ...flag, short: 'q' },
  verbose: { ...flag, short: 'v' },
  'no-verbose': flag,
  'no-cache': flag,
  'delete-after': flag,
  'server-response': { ...flag, short: 'S' },
  'content-on-error': flag,
} as const;

/** The request that `wget …` makes. */
export function wgetCall(args: string[]): HttpCall {
  const { values, positionals, tokens } = parseArgs({
    args: args.map((arg) => (arg === '-nv' ? '--no-verbose' : arg)),
    options: OPTIONS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === 'option' && !Object.hasOwn(OPTIONS, token.name))
      throw new NotImported(`wget's ${token.rawName} has no like here`);
  }
  if (positionals.length !== 1)
    throw new NotImported(`wget has ${positionals.length === 0 ? 'no URL' : `${positionals.length} URLs`}`);
  const given = values as Record<string, string | undefined>;
  const changes: string[] = [];
  const headers: Headers = {};
  for (const line of (values.header ?? []) as string[]) {
    const [, name, value] = /^([^:]+):\s*(.*?)\s*$/s.exec(line) ?? [];
    if (name === undefined) throw new NotImported(`"${line.split(' ')[0]}" is no header such as "Accept: text/plain"`);
    headers[headerKey(headers, name)] = value!;
  }
  if (given['user-agent']) addHeader(headers, 'User-Agent', given['user-agent']);
  const [user, password] = [given.user ?? given['http-user'], given.password ?? given['http-password']];
  if (user !== undefined) {
    if (isMarked(`${user}${password}`)) throw new NotImported('a user or password from a secret inside a text');
    addHeader(headers, 'Authorization', basicAuth(user, password ?? ''));
  }
  const data = given['post-data'] ?? given['body-data'];
  if (data !== undefined) addHeader(headers, 'Content-Type', 'application/x-www-form-urlencoded');
  const method =
    given.method?.toUpperCase() ?? (given['post-data'] === undefined ? (given.spider ? 'HEAD' : 'GET') : 'POST');
  const output = given['output-document'];
  if (!given.spider && !given['delete-after'] && output !== '-' && output !== '/dev/null')
    changes.push('the answer is kept with the run, not in a file');
  const url = positionals[0]!;
  const contentType = headers[headerKey(headers, 'Content-Type')];
  return {
    input: httpInputOf(
      method,
      /^[a-z][a-z0-9+.-]*:\/\//i.test(url) || isMarked(url) ? url : `http://${url}`,
      headers,
      data === undefined ? undefined : bodyOf(data, contentType),
    ),
    ...(Number(given.timeout) > 0 && { timeoutSeconds: Number(given.timeout) }),
    ...(Number(given.tries) > 1 && { retry: { limit: Number(given.tries) - 1, delaySeconds: 1, maxDelaySeconds: 10 } }),
    changes,
  };
}

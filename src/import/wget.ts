import {
  addHeader,
  basicAuth,
  bodyOf,
  FORM_TYPE,
  headerKey,
  type Headers,
  type HttpRequest,
  httpInputOf,
  invalidHeader,
  NOT_IN_A_FILE,
  parseOptions,
  withScheme,
} from './http-request.js';
import { hasPlaceholder } from './secret-placeholders.js';

const flag = { type: 'boolean' } as const;
const text = { type: 'string' } as const;

/** An option without an equivalent in the task `http` is not listed, so it is refused. */
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

/** The request that `wget …` sends. */
export function wgetRequest(args: string[]): HttpRequest {
  const { values, url } = parseOptions(
    'wget',
    args.map((arg) => (arg === '-nv' ? '--no-verbose' : arg)),
    OPTIONS,
  );
  const data = values['post-data'] ?? values['body-data'];
  const headers = headersOf(values);
  if (data !== undefined) addHeader(headers, 'Content-Type', FORM_TYPE);
  const method =
    values.method?.toUpperCase() ?? (values['post-data'] === undefined ? (values.spider ? 'HEAD' : 'GET') : 'POST');
  const output = values['output-document'];
  const isSaved = !values.spider && !values['delete-after'] && output !== '-' && output !== '/dev/null';
  return {
    input: httpInputOf(
      method,
      hasPlaceholder(url) ? url : withScheme(url),
      headers,
      data === undefined ? undefined : bodyOf(data, headers),
    ),
    ...(Number(values.timeout) > 0 && { timeoutSeconds: Number(values.timeout) }),
    // wget counts attempts; it waits 1 s before the first retry, and up to 10 s later.
    ...(Number(values.tries) > 1 && {
      retry: { limit: Number(values.tries) - 1, delaySeconds: 1, maxDelaySeconds: 10 },
    }),
    changes: isSaved ? [NOT_IN_A_FILE] : [],
  };
}

function headersOf(values: ReturnType<typeof parseOptions<typeof OPTIONS>>['values']): Headers {
  const headers: Headers = {};
  for (const line of values.header ?? []) {
    const [, name, value] = /^([^:]+):\s*(.*?)\s*$/s.exec(line) ?? [];
    if (name === undefined) throw invalidHeader(line);
    headers[headerKey(headers, name)] = value!;
  }
  if (values['user-agent']) addHeader(headers, 'User-Agent', values['user-agent']);
  const [user, password] = [values.user ?? values['http-user'], values.password ?? values['http-password']];
  if (user !== undefined) addHeader(headers, 'Authorization', basicAuth(user, password ?? ''));
  return headers;
}

import { parseArgs } from 'node:util';
import { CURL_OPTIONS, type CurlValues } from './curl-options.js';
import { NotImported } from './found.js';
import {
  addHeader,
  ANY_STATUS,
  basicAuth,
  bodyOf,
  headerKey,
  type Headers,
  type HttpCall,
  httpInputOf,
} from './http-call.js';
import { isMarked } from './secret-marks.js';

/** The request that `curl …` makes. `stdin` is what would be piped into it. */
export function curlCall(args: string[], stdin?: string): HttpCall {
  const { values, positionals, tokens } = parseArgs({
    args,
    options: CURL_OPTIONS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(CURL_OPTIONS, token.name)) throw new NotImported(`curl's ${token.rawName} has no like here`);
    const needsValue = CURL_OPTIONS[token.name as keyof typeof CURL_OPTIONS].type === 'string';
    if (needsValue && token.value === undefined) throw new NotImported(`curl's ${token.rawName} lacks its value`);
  }
  const given = values as CurlValues;
  const urls = [...(given.url ?? []), ...positionals];
  if (urls.length !== 1) throw new NotImported(`curl has ${urls.length === 0 ? 'no URL' : `${urls.length} URLs`}`);
  const changes: string[] = [];
  const headers = headersOf(given);
  const data = dataOf(tokens, stdin);
  if (given.json) {
    addHeader(headers, 'Content-Type', 'application/json');
    addHeader(headers, 'Accept', 'application/json');
  } else if (data !== undefined && !given.get) addHeader(headers, 'Content-Type', 'application/x-www-form-urlencoded');
  const url = urlOf(urls[0]!, given, headers, data);
  const body = given.get ? undefined : data;
  const method = given.request ?? (given.head ? 'HEAD' : body === undefined ? 'GET' : 'POST');
  if (!given.fail && !given['fail-with-body']) changes.push(ANY_STATUS('curl without --fail'));
  if ((given.output && given.output !== '/dev/null' && given.output !== '-') || given['remote-name'])
    changes.push('the answer is kept with the run, not in a file');
  const contentType = headers[headerKey(headers, 'Content-Type')];
  return {
    input: httpInputOf(method, url, headers, body === undefined ? undefined : bodyOf(body, contentType)),
    ...(given['max-time'] && { timeoutSeconds: secondsOf('--max-time', given['max-time']) }),
    ...(given.retry && { retry: retryOf(given.retry, given['retry-delay']) }),
    changes,
  };
}

function headersOf(given: CurlValues): Headers {
  const headers: Headers = {};
  for (const line of given.header ?? []) {
    if (line.startsWith('@')) throw new NotImported('curl reads headers from a file');
    const [, name, value] = /^([^:;]+)(?::\s*(.*?)\s*|;)$/s.exec(line) ?? [];
    if (name === undefined) throw new NotImported(`"${line.split(' ')[0]}" is no header such as "Accept: text/plain"`);
    if (value === '') continue; // curl leaves its own header of that name out
    const key = headerKey(headers, name.trim());
    headers[key] = headers[key] === undefined ? (value ?? '') : `${headers[key]}, ${value ?? ''}`;
  }
  if (given['user-agent']) addHeader(headers, 'User-Agent', given['user-agent']);
  if (given.referer) addHeader(headers, 'Referer', given.referer);
  if (given['oauth2-bearer']) addHeader(headers, 'Authorization', `Bearer ${given['oauth2-bearer']}`);
  if (given.cookie !== undefined) {
    if (!given.cookie.includes('=') && !isMarked(given.cookie)) throw new NotImported('curl reads cookies from a file');
    addHeader(headers, 'Cookie', given.cookie);
  }
  if (given.user !== undefined) authorize(headers, given.user);
  return headers;
}

function authorize(headers: Headers, user: string): void {
  if (isMarked(user))
    throw new NotImported(
      'a user or password from a secret: store "Basic …" whole as a secret, for an Authorization header',
    );
  const [name = '', ...password] = user.split(':');
  addHeader(headers, 'Authorization', basicAuth(name, password.join(':')));
}

/** All data in its order, joined as curl does; undefined: there is none. */
function dataOf(
  tokens: { kind: string; name?: string; value?: string | undefined }[],
  stdin?: string,
): string | undefined {
  const data = tokens.filter(({ kind, name }) => kind === 'option' && /^(data|json)/.test(name!));
  if (data.length === 0) return undefined;
  const joint = data[0]!.name === 'json' ? '' : '&';
  return data.map(({ name, value }) => datumOf(name!, value!, stdin)).join(joint);
}

function datumOf(name: string, value: string, stdin: string | undefined): string {
  if (name === 'data-raw') return value;
  if (name === 'data-urlencode') {
    const [, key, content] = /^([^=@]*)=(.*)$/s.exec(value) ?? [];
    if (key === undefined && value.includes('@')) throw new NotImported('curl reads its data from a file');
    if (isMarked(value)) throw new NotImported('a secret inside url-encoded data');
    return `${key ? `${key}=` : ''}${encodeURIComponent(content ?? value)}`;
  }
  if (value === '@-' && stdin !== undefined) return name === 'data-binary' ? stdin : stdin.replaceAll(/[\r\n]/g, '');
  if (value.startsWith('@')) throw new NotImported('curl reads its data from a file');
  return value;
}

function urlOf(written: string, given: CurlValues, headers: Headers, data?: string): string {
  if (isMarked(written)) return written;
  if (!given.globoff && /[{}]|\[[^\]]*-[^\]]*\]/.test(written))
    throw new NotImported('curl makes several URLs of this one');
  const absolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `http://${written}`;
  const [, scheme, user, rest] = /^([^/]+\/\/)(?:([^/?#@]*)@)?(.*)$/s.exec(absolute)!;
  if (user !== undefined) authorize(headers, decodeURIComponent(user));
  if (!given.get || data === undefined) return `${scheme}${rest}`;
  const [path, fragment] = rest!.split('#');
  return `${scheme}${path}${path!.includes('?') ? '&' : '?'}${data}${fragment === undefined ? '' : `#${fragment}`}`;
}

/** curl waits one second, twice as long each time, at most ten minutes; or always as long as it is told. */
function retryOf(limit: string, delay: string | undefined): NonNullable<HttpCall['retry']> {
  const times = secondsOf('--retry', limit);
  return delay === undefined
    ? { limit: times, delaySeconds: 1, backoff: 'exponential', maxDelaySeconds: 600 }
    : { limit: times, delaySeconds: secondsOf('--retry-delay', delay), backoff: 'fixed' };
}

function secondsOf(option: string, value: string): number {
  const number = value === '' ? NaN : Number(value);
  if (Number.isNaN(number)) throw new NotImported(`curl's ${option} "${value}" is no number`);
  return number;
}

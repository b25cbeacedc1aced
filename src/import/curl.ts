import { CURL_OPTIONS } from './curl-options.js';
import {
  addHeader,
  anyStatus,
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
import { NotImportableError } from './import-result.js';
import { hasPlaceholder } from './secret-placeholders.js';

type CurlValues = ReturnType<typeof parseOptions<typeof CURL_OPTIONS>>['values'];

/** The request that `curl …` sends. `stdin` is what would be piped into it. */
export function curlRequest(args: string[], stdin?: string): HttpRequest {
  const { values, options, url: written } = parseOptions('curl', args, CURL_OPTIONS);
  const changes: string[] = [];
  const headers = headersOf(values);
  const data = dataOf(options, stdin);
  if (values.json) {
    addHeader(headers, 'Content-Type', 'application/json');
    addHeader(headers, 'Accept', 'application/json');
  } else if (data !== undefined && !values.get) addHeader(headers, 'Content-Type', FORM_TYPE);
  const url = urlOf(written, values, headers, data);
  const body = values.get ? undefined : data;
  const method = values.request ?? (values.head ? 'HEAD' : body === undefined ? 'GET' : 'POST');
  if (!values.fail && !values['fail-with-body']) changes.push(anyStatus('curl without --fail'));
  if ((values.output && values.output !== '/dev/null' && values.output !== '-') || values['remote-name'])
    changes.push(NOT_IN_A_FILE);
  return {
    input: httpInputOf(method, url, headers, body === undefined ? undefined : bodyOf(body, headers)),
    ...(values['max-time'] && { timeoutSeconds: numberOf('--max-time', values['max-time']) }),
    ...(values.retry && { retry: retryOf(values.retry, values['retry-delay']) }),
    changes,
  };
}

function headersOf(values: CurlValues): Headers {
  const headers: Headers = {};
  for (const line of values.header ?? []) {
    if (line.startsWith('@')) throw new NotImportableError('curl reads headers from a file');
    const [, name, value] = /^([^:;]+)(?::\s*(.*?)\s*|;)$/s.exec(line) ?? [];
    if (name === undefined) throw invalidHeader(line);
    if (value === '') continue; // "Name:" makes curl leave out its own header of that name.
    const key = headerKey(headers, name.trim());
    headers[key] = headers[key] === undefined ? (value ?? '') : `${headers[key]}, ${value ?? ''}`;
  }
  if (values['user-agent']) addHeader(headers, 'User-Agent', values['user-agent']);
  if (values.referer) addHeader(headers, 'Referer', values.referer);
  if (values['oauth2-bearer']) addHeader(headers, 'Authorization', `Bearer ${values['oauth2-bearer']}`);
  if (values.cookie !== undefined) {
    if (!values.cookie.includes('=') && !hasPlaceholder(values.cookie))
      throw new NotImportableError('curl reads cookies from a file');
    addHeader(headers, 'Cookie', values.cookie);
  }
  if (values.user !== undefined) authorize(headers, values.user);
  return headers;
}

function authorize(headers: Headers, user: string): void {
  const [name = '', ...password] = user.split(':');
  addHeader(headers, 'Authorization', basicAuth(name, password.join(':')));
}

/** All data options in their order, joined as curl joins them. Undefined when there are none. */
function dataOf(options: { name: string; value?: string | undefined }[], stdin?: string): string | undefined {
  const data = options.filter(({ name }) => /^(data|json)/.test(name));
  if (data.length === 0) return undefined;
  const separator = data[0]!.name === 'json' ? '' : '&';
  return data.map(({ name, value }) => dataOfOption(name, value!, stdin)).join(separator);
}

function dataOfOption(name: string, value: string, stdin: string | undefined): string {
  if (name === 'data-raw') return value;
  if (name === 'data-urlencode') {
    const [, key, content] = /^([^=@]*)=(.*)$/s.exec(value) ?? [];
    if (key === undefined && value.includes('@')) throw new NotImportableError('curl reads its data from a file');
    if (hasPlaceholder(value)) throw new NotImportableError('a secret inside URL-encoded data');
    return `${key ? `${key}=` : ''}${encodeURIComponent(content ?? value)}`;
  }
  if (value === '@-' && stdin !== undefined) return name === 'data-binary' ? stdin : stdin.replaceAll(/[\r\n]/g, '');
  if (value.startsWith('@')) throw new NotImportableError('curl reads its data from a file');
  return value;
}

/** The URL without its user, which becomes a header, and with the data in its query when there is --get. */
function urlOf(written: string, values: CurlValues, headers: Headers, data?: string): string {
  if (hasPlaceholder(written)) return written;
  if (!values.globoff && /[{}]|\[[^\]]*-[^\]]*\]/.test(written))
    throw new NotImportableError('curl makes several URLs of this one');
  const [, scheme, user, rest] = /^([^/]+\/\/)(?:([^/?#@]*)@)?(.*)$/s.exec(withScheme(written))!;
  if (user !== undefined) authorize(headers, decodeURIComponent(user));
  if (!values.get || data === undefined) return `${scheme}${rest}`;
  const [path, fragment] = rest!.split('#');
  return `${scheme}${path}${path!.includes('?') ? '&' : '?'}${data}${fragment === undefined ? '' : `#${fragment}`}`;
}

/** curl waits 1 s before the first retry, then twice as long each time, up to 10 minutes; with --retry-delay always as
 *  long. */
function retryOf(limit: string, delay: string | undefined): NonNullable<HttpRequest['retry']> {
  const times = numberOf('--retry', limit);
  return delay === undefined
    ? { limit: times, delaySeconds: 1, backoff: 'exponential', maxDelaySeconds: 600 }
    : { limit: times, delaySeconds: numberOf('--retry-delay', delay), backoff: 'fixed' };
}

function numberOf(option: string, value: string): number {
  const number = value === '' ? NaN : Number(value);
  if (Number.isNaN(number)) throw new NotImportableError(`curl's ${option} "${value}" is not a number`);
  return number;
}

const flag = { type: 'boolean' } as const;
const text = { type: 'string' } as const;
const texts = { type: 'string', multiple: true } as const;

/** What makes the request; what would change it in a way that the task cannot is not listed, and so refused. */
const REQUEST = {
  request: { ...text, short: 'X' },
  header: { ...texts, short: 'H' },
  data: { ...texts, short: 'd' },
  'data-ascii': texts,
  'data-binary': texts,
  'data-raw': texts,
  'data-urlencode': texts,
  json: texts,
  get: { ...flag, short: 'G' },
  head: { ...flag, short: 'I' },
  url: texts,
  user: { ...text, short: 'u' },
  'user-agent': { ...text, short: 'A' },
  referer: { ...text, short: 'e' },
  cookie: { ...text, short: 'b' },
  'oauth2-bearer': text,
  fail: { ...flag, short: 'f' },
  'fail-with-body': flag,
  'max-time': { ...text, short: 'm' },
  retry: text,
  'retry-delay': text,
  output: { ...text, short: 'o' },
  'remote-name': { ...flag, short: 'O' },
  globoff: { ...flag, short: 'g' },
} as const;

/** What matters to a terminal, or to how curl reaches the server. */
const WITHOUT_MEANING = {
  silent: { ...flag, short: 's' },
  'show-error': { ...flag, short: 'S' },
  location: { ...flag, short: 'L' },
  include: { ...flag, short: 'i' },
  verbose: { ...flag, short: 'v' },
  'no-buffer': { ...flag, short: 'N' },
  'progress-bar': { ...flag, short: '#' },
  'no-progress-meter': flag,
  ipv4: { ...flag, short: '4' },
  ipv6: { ...flag, short: '6' },
  compressed: flag,
  http2: flag,
  'http1.1': flag,
  'tlsv1.2': flag,
  'retry-connrefused': flag,
  'retry-all-errors': flag,
  'retry-max-time': text,
  'connect-timeout': text,
  'max-redirs': text,
  'write-out': { ...text, short: 'w' },
} as const;

/** The options of curl that are understood. */
export const CURL_OPTIONS = { ...REQUEST, ...WITHOUT_MEANING };

/** What a command line gives of them. */
export type CurlValues = {
  [Name in keyof typeof CURL_OPTIONS]?: (typeof CURL_OPTIONS)[Name]['type'] extends 'boolean'
    ? boolean
    : (typeof CURL_OPTIONS)[Name] extends { multiple: true }
      ? string[]
      : string;
};

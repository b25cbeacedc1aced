const flag = { type: 'boolean' } as const;
const text = { type: 'string' } as const;
const texts = { type: 'string', multiple: true } as const;

/** Options that describe the request. An option that the task `http` has nothing for is not listed, and so is refused. */
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

/** Options for the terminal, or for how curl connects. They are ignored. */
const IGNORED = {
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

/** All options of curl that can be imported. */
export const CURL_OPTIONS = { ...REQUEST, ...IGNORED };

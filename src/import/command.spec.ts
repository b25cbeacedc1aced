import { requestOfCommand } from './command.js';
import { NotImportableError } from './import-result.js';
import { placeholderOf, withReferences } from './secret-placeholders.js';

const TOKEN = placeholderOf('token');
const call = (line: string, stdin?: string) => requestOfCommand(line, () => TOKEN, stdin);

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const JSON_TYPE = { 'Content-Type': 'application/json' };

it.each<[string, object]>([
  ['curl -fsS https://example.org/', { url: 'https://example.org/' }],
  ['/usr/bin/curl -f example.org/a', { url: 'http://example.org/a' }],
  ['curl -f --url https://example.org', { url: 'https://example.org' }],
  ['curl -fX DELETE https://example.org', { method: 'DELETE', url: 'https://example.org' }],
  ['curl -fsXPUT https://example.org', { method: 'PUT', url: 'https://example.org' }],
  ['curl -f --request PATCH https://example.org', { method: 'PATCH', url: 'https://example.org' }],
  ['curl -fI https://example.org', { method: 'HEAD', url: 'https://example.org' }],
  [
    'curl -f https://example.org -d a=1 -d b=2',
    { method: 'POST', url: 'https://example.org', headers: FORM, body: 'a=1&b=2' },
  ],
  [
    `curl -f https://example.org -H 'content-type:application/json' --data-raw '{"a": [1, "b c"]}'`,
    {
      method: 'POST',
      url: 'https://example.org',
      headers: { 'content-type': 'application/json' },
      body: { a: [1, 'b c'] },
    },
  ],
  [
    `curl -f https://example.org --json '{"a":12345678901234567890}'`,
    {
      method: 'POST',
      url: 'https://example.org',
      headers: { ...JSON_TYPE, Accept: 'application/json' },
      body: '{"a":12345678901234567890}',
    },
  ],
  [
    `curl -f https://example.org --data-urlencode 'q=a b&c'`,
    { method: 'POST', url: 'https://example.org', headers: FORM, body: 'q=a%20b%26c' },
  ],
  [`curl -fG 'https://example.org/?x=1#y' -d a=1 -d b=2`, { url: 'https://example.org/?x=1&a=1&b=2#y' }],
  [
    'curl -f -u me:pass https://example.org',
    { url: 'https://example.org', headers: { Authorization: 'Basic bWU6cGFzcw==' } },
  ],
  [
    'curl -f https://me:p%40ss@example.org/a',
    { url: 'https://example.org/a', headers: { Authorization: 'Basic bWU6cEBzcw==' } },
  ],
  [
    `curl -f -A probe -e https://ref.example.org -b 'a=1' --oauth2-bearer abc https://example.org`,
    {
      url: 'https://example.org',
      headers: {
        'User-Agent': 'probe',
        Referer: 'https://ref.example.org',
        Authorization: 'Bearer abc',
        Cookie: 'a=1',
      },
    },
  ],
  [
    `curl -f -H 'Expect:' -H 'X-A: 1' -H 'x-a: 2' -H 'X-Empty;' https://example.org`,
    { url: 'https://example.org', headers: { 'X-A': '1, 2', 'X-Empty': '' } },
  ],
  [`sh -c "curl -f 'https://example.org/?a=1&b=2' >/dev/null"`, { url: 'https://example.org/?a=1&b=2' }],
  ['wget -q -O- https://example.org', { url: 'https://example.org' }],
  ['wget -qO /dev/null example.org', { url: 'http://example.org' }],
  ['wget -nv --spider https://example.org', { method: 'HEAD', url: 'https://example.org' }],
  [
    `wget -qO- --header='X-A: 1' --post-data='a=1' https://example.org`,
    { method: 'POST', url: 'https://example.org', headers: { 'X-A': '1', ...FORM }, body: 'a=1' },
  ],
])('converts: %s', (line, input) => {
  expect(call(line)).toEqual({ input, changes: [] });
});

it.each<[string, object]>([
  ['curl -f -m 2.5 https://example.org', { timeoutSeconds: 2.5 }],
  [
    'curl -f --retry 3 https://example.org',
    { retry: { limit: 3, delaySeconds: 1, backoff: 'exponential', maxDelaySeconds: 600 } },
  ],
  ['curl -f --retry 3 --retry-delay 9 https://example.org', { retry: { limit: 3, delaySeconds: 9, backoff: 'fixed' } }],
  [
    'wget -qO- -T 7 --tries=3 https://example.org',
    { timeoutSeconds: 7, retry: { limit: 2, delaySeconds: 1, maxDelaySeconds: 10 } },
  ],
])('keeps the limits of: %s', (line, rest) => {
  expect(call(line)).toMatchObject(rest);
});

it.each([
  ['curl https://example.org', 'any status'],
  ['curl -f -o page.html https://example.org', 'not in a file'],
  ['curl -f https://example.org >> /var/log/a.log', 'not in /var/log/a.log'],
  ['wget -q https://example.org', 'not in a file'],
])('reports what differs: %s', (line, change) => {
  expect(call(line).changes).toEqual([expect.stringContaining(change)]);
});

it('sends its standard input', () => {
  expect(call('curl -f -d @- https://example.org', 'a\nb\n').input.body).toBe('ab');
  expect(call('curl -f --data-binary @- https://example.org', 'a\nb\n').input.body).toBe('a\nb\n');
});

it.each([
  ['curl -k https://example.org', '-k'],
  ['curl -F a=b https://example.org', '-F'],
  ['curl --cacert ca.pem https://example.org', '--cacert'],
  ['curl https://a.example.org https://b.example.org', '2 URLs'],
  ['curl -fsS', 'no URL'],
  ['curl -X', 'needs a value'],
  ['curl https://example.org/{a,b}', 'several URLs'],
  ['curl -d @body.json https://example.org', 'from a file'],
  ['curl -H @headers https://example.org', 'from a file'],
  ['curl -b jar.txt https://example.org', 'from a file'],
  ['curl -m soon https://example.org', 'not a number'],
  ['curl -u me:$TOKEN https://example.org', 'secret'],
  ['wget --no-check-certificate https://example.org', '--no-check-certificate'],
  ['wget -qO-', 'no URL'],
  ['wget -qO- https://example.org -T', 'needs a value'],
  ['python3 run.py', 'neither curl nor wget'],
])('refuses what the task http cannot do: %s', (line, reason) => {
  expect(() => call(line)).toThrow(NotImportableError);
  expect(() => call(line)).toThrow(reason);
});

describe('a secret', () => {
  it('becomes a reference when it is a whole value', () => {
    const { input } = call(
      `curl -f -H "Authorization: $TOKEN" -H 'Content-Type: application/json' -d "{\\"key\\":\\"$TOKEN\\"}" https://example.org`,
    );
    expect(withReferences(input)).toMatchObject({
      headers: { Authorization: { $secret: 'token' } },
      body: { key: { $secret: 'token' } },
    });
  });

  it.each(['curl -f -H "Authorization: Bearer $TOKEN" https://example.org', 'curl -f "https://example.org/$TOKEN"'])(
    'is refused when it is only part of a text: %s',
    (line) => {
      expect(() => withReferences(call(line).input)).toThrow(/<token>.*whole/);
    },
  );
});

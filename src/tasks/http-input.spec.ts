import { httpInput } from './http-input.js';

const url = 'https://example.org/hook';
const faults = (input: object) => httpInput.safeParse(input).error?.issues.map(({ path }) => path.join('/')) ?? [];

describe('the input of task http', () => {
  it('needs a url only', () => {
    expect(httpInput.parse({ url })).toEqual({ method: 'GET', url, headers: {} });
  });

  it.each([
    ['words in the path and the query', { url: 'http://localhost:8080/{{job.name}}?at={{run.scheduledAt}}' }],
    ['a word for the whole host', { url: 'https://{{job.name}}/' }],
    ['any JSON as a body', { url, method: 'POST', body: [null, 1, { a: 'b' }] }],
    ['null as a body', { url, method: 'DELETE', body: null }],
    ['one status', { url, expectStatus: 404 }],
    ['several statuses', { url, expectStatus: [200, 404] }],
    ['an idempotency key of the user', { url, headers: { 'idempotency-key': '{{run.id}}' } }],
  ])('takes %s', (_case, input) => {
    expect(faults(input)).toEqual([]);
  });

  it.each([
    ['no url', {}, 'url'],
    ['what is no URL', { url: 'example.org/hook' }, 'url'],
    ['a word that makes no host', { url: 'https://{{run.scheduledAt}}/' }, 'url'],
    ['another protocol', { url: 'file:///etc/passwd' }, 'url'],
    ['a password in the URL', { url: 'https://user:secret@example.org' }, 'url'],
    ['another method', { url, method: 'TRACE' }, 'method'],
    ['a body of a GET', { url, body: 'x' }, 'body'],
    ['a line break in a header', { url, headers: { a: 'b\r\nHost: c' } }, 'headers/a'],
    ['a character that headers cannot hold', { url, headers: { a: '€' } }, 'headers/a'],
    ['a header without a name', { url, headers: { '': 'b' } }, 'headers/'],
    ['a header of the connection', { url, headers: { 'Transfer-Encoding': 'chunked' } }, 'headers/Transfer-Encoding'],
    ['a header of the service', { url, headers: { 'cronzimus-run': 'x' } }, 'headers/cronzimus-run'],
    ['a status that there is not', { url, expectStatus: 42 }, 'expectStatus'],
    ['no status at all', { url, expectStatus: [] }, 'expectStatus'],
    ['an unknown field', { url, timeout: 5 }, ''],
  ])('refuses %s', (_case, input, path) => {
    expect(faults(input)).toEqual([path]);
  });
});

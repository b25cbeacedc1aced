import { httpInput } from './http-input.js';

const url = 'https://example.org/hook';
const faults = (input: object) => httpInput.safeParse(input).error?.issues.map(({ path }) => path.join('/')) ?? [];

describe('the input of task http', () => {
  it('requires only a url', () => {
    expect(httpInput.parse({ url })).toEqual({ method: 'GET', url, headers: {} });
  });

  it.each([
    ['placeholders in the path and the query', { url: 'http://localhost:8080/{{job.name}}?at={{run.scheduledAt}}' }],
    ['a placeholder for the whole host', { url: 'https://{{job.name}}/' }],
    ['any JSON as a body', { url, method: 'POST', body: [null, 1, { a: 'b' }] }],
    ['null as a body', { url, method: 'DELETE', body: null }],
    ['one status', { url, expectStatus: 404 }],
    ['several statuses', { url, expectStatus: [200, 404] }],
    ['an idempotency key', { url, headers: { 'idempotency-key': '{{run.id}}' } }],
  ])('accepts %s', (_case, input) => {
    expect(faults(input)).toEqual([]);
  });

  it.each([
    ['no url', {}, 'url'],
    ['a text that is not a URL', { url: 'example.org/hook' }, 'url'],
    ['a placeholder that is not a valid host', { url: 'https://{{run.scheduledAt}}/' }, 'url'],
    ['another protocol', { url: 'file:///etc/passwd' }, 'url'],
    ['a password in the URL', { url: 'https://user:secret@example.org' }, 'url'],
    ['another method', { url, method: 'TRACE' }, 'method'],
    ['a body with GET', { url, body: 'x' }, 'body'],
    ['a line break in a header', { url, headers: { a: 'b\r\nHost: c' } }, 'headers/a'],
    ['a character that headers cannot contain', { url, headers: { a: '€' } }, 'headers/a'],
    ['a header without a name', { url, headers: { '': 'b' } }, 'headers/'],
    ['a header of the connection', { url, headers: { 'Transfer-Encoding': 'chunked' } }, 'headers/Transfer-Encoding'],
    ['a header of the service', { url, headers: { 'cronzimus-run': 'x' } }, 'headers/cronzimus-run'],
    ['a status that does not exist', { url, expectStatus: 42 }, 'expectStatus'],
    ['an empty list of statuses', { url, expectStatus: [] }, 'expectStatus'],
    ['an unknown field', { url, timeout: 5 }, ''],
  ])('refuses %s', (_case, input, path) => {
    expect(faults(input)).toEqual([path]);
  });
});

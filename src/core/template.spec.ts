import { fillIn } from './template.js';

const values = { 'run.id': '42', 'job.name': '$& {{run.id}}' };

describe('fillIn', () => {
  it.each<[string, unknown, unknown]>([
    ['fills in a name', 'run {{run.id}}.', 'run 42.'],
    ['allows spaces around a name, and the name more than once', '{{ run.id }}{{run.id}}', '4242'],
    ['does not fill in names inside a filled-in value', '{{job.name}}', '$& {{run.id}}'],
    ['leaves unknown names', '{{run.nope}} {{}} {{ {run.id}', '{{run.nope}} {{}} {{ {run.id}'],
    ['leaves names of properties of Object', '{{constructor}} {{toString}}', '{{constructor}} {{toString}}'],
    ['fills in strings in arrays and objects', [{ a: ['{{run.id}}'] }], [{ a: ['42'] }]],
    ['leaves keys', { '{{run.id}}': 1 }, { '{{run.id}}': 1 }],
    ['leaves values that are not strings', [1, null, true], [1, null, true]],
  ])('%s', (_case, value, expected) => {
    expect(fillIn(value, values)).toEqual(expected);
  });
});

import { fillIn } from './template.js';

const words = { 'run.id': '42', 'job.name': '$& {{run.id}}' };

describe('fillIn', () => {
  it.each<[string, unknown, unknown]>([
    ['a word', 'run {{run.id}}.', 'run 42.'],
    ['a word with blanks around it, more than once', '{{ run.id }}{{run.id}}', '4242'],
    ['what it fills in is not looked at again', '{{job.name}}', '$& {{run.id}}'],
    ['an unknown word stays', '{{run.nope}} {{}} {{ {run.id}', '{{run.nope}} {{}} {{ {run.id}'],
    ['a word that objects have stays', '{{constructor}} {{toString}}', '{{constructor}} {{toString}}'],
    ['the strings of lists and objects', [{ a: ['{{run.id}}'] }], [{ a: ['42'] }]],
    ['keys stay', { '{{run.id}}': 1 }, { '{{run.id}}': 1 }],
    ['what is no string stays', [1, null, true], [1, null, true]],
  ])('%s', (_case, value, expected) => {
    expect(fillIn(value, words)).toEqual(expected);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/threat-model.md'), 'utf8');

/** The files that the page names, each with the titles after it. */
const shown = [...page.matchAll(/`((?:src|test)\/[\w./-]+\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)].flatMap(([, file, titles]) =>
  [...titles!.matchAll(/"([^"]+)"/g)].map(([, title]) => [title!, file!] as const),
);

describe('the threat model', () => {
  it('names a test for each protection that a test can show', () => {
    expect(shown.length).toBeGreaterThan(20);
  });

  it.each(shown)('names the test "%s" of %s, which exists', (title, file) => {
    expect(existsSync(join(root, file))).toBe(true);
    const titles = [
      ...readFileSync(join(root, file), 'utf8').matchAll(
        /\b(?:it|describe)(?:\.each(?:<[^]*?>)?\([^]*?\))?\(\s*(['"`])(.*?)\1,/g,
      ),
    ];
    expect(titles.map(([, , found]) => found)).toContain(title);
  });
});

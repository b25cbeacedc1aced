import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, textsOf } from '../support/code-texts.js';
import { readText } from '../support/sources.js';
import { tableOwners } from '../support/table-owners.js';

const PAGE = 'docs/architecture.md';

/** An item of a numbered list: the files it names in backticks, and the tables. */
interface Item {
  number: string;
  files: string[];
  tables: string[];
}

/** The numbered lists of a page that name files, each with its heading. */
function listsOf(page: string): { heading: string; items: Item[] }[] {
  return page.split(/^#+ /m).flatMap((section) => {
    const items = [...section.matchAll(/^(\d+)\. (.*(?:\n {2,}\S.*)*)/gm)].map(([, number, text]) => {
      const named = [...text!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
      return {
        number: number!,
        files: named.filter((name) => name.startsWith('src/')),
        tables: named.filter((name) => name in tableOwners),
      };
    });
    return items.some(({ files }) => files.length > 0) ? [{ heading: section.split('\n')[0]!, items }] : [];
  });
}

/** The files of src that a file imports, types included. */
const importsOf = (file: string): string[] =>
  [...readText(file).matchAll(/\bfrom '(\.[^']+)\.js'/g)].map(([, path]) => join(dirname(file), `${path}.ts`));

const usesTable = (file: string, table: string) =>
  textsOf(parse({ path: file, text: readText(file) })).some(({ text }) =>
    new RegExp(String.raw`\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(?:\S+\.)?"?${table}\b`, 'i').test(text),
  );

/** What is wrong with a list: a file that is not there, or that nothing connects with those before it. */
function faultsOf(heading: string, items: Item[]): string[] {
  const before: string[] = [];
  const faults: string[] = [];
  for (const { number, files, tables } of items) {
    const place = `${PAGE}, "${heading}", ${number}.`;
    const known = files.filter((file) => existsSync(join(import.meta.dirname, '../..', file)));
    for (const file of files) if (!known.includes(file)) faults.push(`${place}: there is no file ${file}`);
    const isConnected = (file: string) =>
      before.length === 0 ||
      before.some(
        (earlier) =>
          importsOf(file).includes(earlier) ||
          importsOf(earlier).includes(file) ||
          tables.some((table) => usesTable(file, table) && usesTable(earlier, table)),
      );
    // A file of the item may be what connects the others of it.
    let waiting = known;
    for (let connected = waiting.filter(isConnected); connected.length > 0; connected = waiting.filter(isConnected)) {
      before.push(...connected.splice(0, 1));
      waiting = waiting.filter((file) => !before.includes(file));
    }
    for (const file of waiting) {
      before.push(file);
      faults.push(
        `${place}: ${file} neither imports nor is imported by a file before it; name the file or the table between them in the item`,
      );
    }
  }
  return faults;
}

describe('docs/architecture.md', () => {
  const lists = listsOf(readText(PAGE));

  it('shows the way of an occurrence and that of a request, each in a numbered list', () => {
    expect(lists.length).toBeGreaterThanOrEqual(2);
    for (const { items } of lists) expect(items.length).toBeGreaterThanOrEqual(3);
  });

  it.each(lists.map(({ heading, items }) => [heading, items] as const))(
    'names files that there are, each connected with one before it: %s',
    (heading, items) => {
      expect(faultsOf(heading, items)).toEqual([]);
    },
  );

  it('is refused where a file is missing or stands alone', () => {
    const page =
      '## A way\n\n1. `src/jobs/dispatch/alarms.ts`\n2. `src/jobs/dispatch/gone.ts`\n3. `src/main.ts`, table `runs`\n';
    const [{ heading, items }] = listsOf(page) as [{ heading: string; items: Item[] }];
    expect(faultsOf(heading, items)).toEqual([
      expect.stringMatching(/"A way", 2\.: there is no file src\/jobs\/dispatch\/gone\.ts$/),
      expect.stringMatching(/"A way", 3\.: src\/main\.ts neither imports nor is imported/),
    ]);
  });
});

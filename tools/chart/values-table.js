// Generates the table of values in charts/cronzimus/README.md from the comments in values.yaml.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { isMap, parseDocument } from 'yaml';

const chart = new URL('../../charts/cronzimus/', import.meta.url);
const BEGIN = '<!-- values: begin -->';
const END = '<!-- values: end -->';

/** Returns a row for each value: its path, default and comment. A map without a comment of its own, written in block style, is a
 *  section, and each of its keys gets a row. Every other map is a single value. */
export function valueRows(text) {
  const lines = text.split('\n');
  const rows = [];
  const comment = (key) => {
    const line = text.slice(0, key.range[0]).split('\n').length - 1;
    const indent = /^ */.exec(lines[line])[0];
    const found = [];
    for (let above = line - 1; lines[above]?.startsWith(`${indent}# `); above -= 1)
      found.unshift(lines[above].slice(indent.length + 2));
    return found.join(' ');
  };
  const walk = (map, path) => {
    for (const { key, value } of map.items) {
      const at = [...path, key.value];
      const description = comment(key);
      const isSection = isMap(value) && value.items.length > 0 && description === '' && !value.flow;
      if (isSection) walk(value, at);
      else rows.push({ path: at.join('.'), value: value.toJSON(), comment: description });
    }
  };
  walk(parseDocument(text).contents, []);
  return rows;
}

const cell = (text) => text.replaceAll('|', '\\|');

/** Returns the README with its table replaced by that of `text`, the content of values.yaml. */
export function withTable(readme, text) {
  const rows = valueRows(text).map(
    ({ path, value, comment }) => `| \`${path}\` | \`${cell(JSON.stringify(value))}\` | ${cell(comment)} |`,
  );
  const table = ['| value | default | |', '| --- | --- | --- |', ...rows].join('\n');
  const [before, after] = [readme.split(BEGIN)[0], readme.split(END)[1]];
  return `${before}${BEGIN}\n<!-- prettier-ignore-start -->\n\n${table}\n\n<!-- prettier-ignore-end -->\n${END}${after}`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const readme = readFileSync(new URL('README.md', chart), 'utf8');
  writeFileSync(new URL('README.md', chart), withTable(readme, readFileSync(new URL('values.yaml', chart), 'utf8')));
}

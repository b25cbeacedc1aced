import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { definitionFields, jobDefinition } from './job.schema.js';

type Row = [field: string, byDefault: string];

/** The first two columns of the table of jobs in API.md, without the row of the name. */
function documentedRows(): Row[] {
  const page = readFileSync(join(import.meta.dirname, '../../../API.md'), 'utf8');
  const [section] = /^## Job\n[\s\S]*?(?=^#)/m.exec(page)!;
  const rows = [...section.matchAll(/^\| `(.+?)` +\| (.*?) *\|/gm)];
  return rows.map(([, field, byDefault]): Row => [field!, byDefault!]).filter(([field]) => field !== 'name');
}

function schemaRows(): Row[] {
  const defaults: Record<string, unknown> = jobDefinition.parse({
    task: 'x',
    trigger: { type: 'interval', everySeconds: 1 },
  });
  return definitionFields.flatMap((field): Row[] => {
    const value = defaults[field];
    if (field === 'task' || field === 'trigger') return [[field, 'required']];
    if (field !== 'retry' && field !== 'misfire') return [[field, textOf(value)]];
    const inner = Object.entries(value as object).map(([key, one]): Row => [`– ${key}`, textOf(one)]);
    return [[field, ''], ...inner];
  });
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return `\`${typeof value === 'string' && value !== '' ? value : JSON.stringify(value)}\``;
}

it('API.md lists each field of a job with its default, in the order of the schema', () => {
  expect(documentedRows()).toEqual(schemaRows());
});

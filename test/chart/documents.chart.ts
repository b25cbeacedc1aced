import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CHART, envOf, FULL, OPEN, type Manifest, only, render, VALUES } from './helm.js';
import { valueRows, withTable } from './tools.js';

const text = (...path: string[]) => readFileSync(join(CHART, ...path), 'utf8');
const values = text('values.yaml');

interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: unknown;
  $ref?: string;
}
const schema = JSON.parse(text('values.schema.json')) as Schema & { $defs: Record<string, Schema> };
const resolve = (part: Schema): Schema => (part.$ref ? schema.$defs[part.$ref.split('/').at(-1)!]! : part);

/** The paths of the values in a part of the schema. Goes no deeper than the maps in `defaults`. */
function pathsOf(part: Schema, defaults: unknown, at: string[] = []): string[] {
  const { properties } = resolve(part);
  const isLeaf = !properties || typeof defaults !== 'object' || defaults === null || Object.keys(defaults).length === 0;
  if (isLeaf) return [at.join('.')];
  return Object.entries(properties).flatMap(([name, child]) =>
    pathsOf(child, (defaults as Record<string, unknown>)[name], [...at, name]),
  );
}

function leavesOf(value: unknown, at: string[] = []): string[] {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
  return isMap ? Object.entries(value).flatMap(([name, child]) => leavesOf(child, [...at, name])) : [at.join('.')];
}

const variablesOf = (manifests: Manifest[]) =>
  manifests.filter(({ kind }) => kind === 'Deployment').flatMap((one) => Object.keys(envOf(one)));

describe('the documents of the chart', () => {
  it('have a row for each value, written by node tools/chart/values-table.js', () => {
    expect(text('README.md')).toBe(withTable(text('README.md'), values));
    expect(valueRows(values).length).toBeGreaterThan(60);
  });

  it('have a schema with each value and no others', () => {
    const known = pathsOf(schema, parse(values)).filter((path) => path !== 'global');
    const covered = (path: string) => known.some((one) => path === one || path.startsWith(`${one}.`));
    expect(leavesOf(parse(values)).filter((path) => !covered(path))).toEqual([]);
    // Optional fields, such as the labelSelector of a constraint, have no default to compare with.
    const optional =
      /^(probes\.\w+\.initialDelaySeconds|(worker\.)?resources\.claims|metrics\.prometheusRule\.alerts\.)/;
    const rows = leavesOf(parse(values));
    const given = (path: string) => rows.some((one) => one === path || one.startsWith(`${path}.`));
    expect(known.filter((path) => !given(path) && !optional.test(path))).toEqual([]);
  });

  it('have a schema that refuses unknown fields in every part', () => {
    const open: string[] = [];
    const walk = (part: unknown, at: string) => {
      if (typeof part !== 'object' || part === null) return;
      if ('properties' in part && !('additionalProperties' in part && part.additionalProperties === false))
        open.push(at);
      for (const [name, child] of Object.entries(part)) walk(child, `${at}/${name}`);
    };
    walk(schema, '');
    // A schema may declare a field that is named `properties`.
    expect(open.filter((at) => !at.endsWith('/properties'))).toEqual([]);
  });

  it('cover every variable of the service', async () => {
    const example = readFileSync(join(CHART, '..', '..', '.env.example'), 'utf8');
    const known = [...example.matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name!);
    const config = Object.keys(schema.$defs['config']!.properties!);
    // The chart passes secrets as files, because everybody who can read the pod can read its environment.
    const inFiles = ['DATABASE_URL', 'API_KEYS', 'DATA_DIR', 'HEARTBEAT_URL'];
    const everything = await render([...FULL, '--set', 'metrics.public=true']);
    const open = await render(OPEN);
    const set = [...variablesOf(everything), ...variablesOf(open)];
    expect(known.length).toBeGreaterThan(25);
    expect(known.filter((name) => ![...config, ...inFiles, ...set].includes(name))).toEqual([]);
    expect(config.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('have the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(CHART, '..', '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(parse(text('Chart.yaml'))).toMatchObject({ version, appVersion: version });
  });

  it('have an example with own tasks that starts their image', async () => {
    const manifests = await render(['-f', VALUES['examples/own-tasks/values.yaml']!]);
    const { containers } = only(manifests, 'Deployment')['spec'].template.spec;
    const dockerfile = readFileSync(join(CHART, '..', '..', 'examples', 'own-tasks', 'Dockerfile'), 'utf8');
    expect(dockerfile).toContain(`ENTRYPOINT ${JSON.stringify(containers[0].command).replaceAll(',', ', ')}`);
  });
});

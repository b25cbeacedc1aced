import {
  CHART,
  FULL,
  type Helm,
  helm,
  HELMS,
  type Manifest,
  manifestsOf,
  only,
  podOf,
  render,
  VALUES,
} from './helm.js';
import { manifestFaults } from './tools.js';

const helms = Object.keys(HELMS) as Helm[];
const cases = Object.entries(VALUES).flatMap(([name, file]) => helms.map((which) => ({ name, file, which })));

const containerOf = (manifest: Manifest) => podOf(manifest)['containers'][0] as Manifest;

describe('the manifests', () => {
  it.each(cases)('of $name pass the linter of $which and fit the types of Kubernetes', async ({ file, which }) => {
    const linted = await helm(which, 'lint', '--strict', CHART, '-f', file);
    expect(linted).toMatchObject({ code: 0, text: expect.not.stringMatching(/\[(WARNING|ERROR)\]/) as string });
    expect(await manifestFaults(await render(['-f', file], which))).toEqual([]);
  });

  it.each(Object.entries(VALUES))('of %s have unique names', async (_name, file) => {
    const names = (await render(['-f', file])).map(
      ({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`,
    );
    expect(names).toEqual([...new Set(names)]);
  });

  it('pass the linter without values too', async () => {
    expect(await helm('Helm 4', 'lint', '--strict', CHART)).toMatchObject({ code: 0 });
  });

  it('are the same from Helm 3 and Helm 4', async () => {
    const file = VALUES['charts/cronzimus/ci/full-values.yaml']!;
    expect(await render(['-f', file], 'Helm 3')).toEqual(await render(['-f', file], 'Helm 4'));
  });
});

describe('the check of manifests', () => {
  let full: Manifest[];
  beforeAll(async () => {
    full = await render(FULL);
  });

  const spoilt = (kind: string, spoil: (manifest: Manifest) => void, name?: string): Promise<string[]> => {
    const manifest = structuredClone(only(full, kind, name));
    spoil(manifest);
    return manifestFaults([manifest]);
  };

  it.each<[string, string, (manifest: Manifest) => void, string?]>([
    ['a misspelt field', 'Deployment', (one) => (containerOf(one)['livenesProbe'] = {}), 'rel-scheduler'],
    ['a misspelt nested field', 'Job', (one) => (containerOf(one)['env'][0].valeu = '')],
    ['a string for a number', 'Deployment', (one) => (one['spec'].minReadySeconds = '5'), 'rel-scheduler'],
    ['a number for a string', 'Deployment', (one) => (containerOf(one)['env'][0].value = 1), 'rel-scheduler'],
    ['an unknown value', 'Service', (one) => (one['spec'].type = 'Cluster'), 'rel-scheduler'],
    ['a missing field', 'NetworkPolicy', (one) => delete one['spec'].egress[2].to[0].ipBlock.cidr],
    ['an unknown kind', 'Ingress', (one) => (one['kind'] = 'Ingres')],
    ['a misspelt field of a ServiceMonitor', 'ServiceMonitor', (one) => (one['spec'].endpoints[0].honourLabels = true)],
    ['an invalid duration', 'PrometheusRule', (one) => (one['spec'].groups[0].rules[0].for = '5 minutes')],
    ['an unknown value of a route', 'HTTPRoute', (one) => (one['spec'].rules[0].matches[0].path.type = 'Prefix')],
  ])('finds %s', async (...[, kind, spoil, name]) => {
    expect(await spoilt(kind, spoil, name)).not.toEqual([]);
  });

  it('reads every document that Helm prints', () => {
    expect(manifestsOf('---\na: 1\n---\n# nothing\n---\nb: 2\n')).toEqual([{ a: 1 }, { b: 2 }]);
  });
});

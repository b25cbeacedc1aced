import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';

const ROOT = join(import.meta.dirname, '..', '..');
export const CHART = join(ROOT, 'charts', 'cronzimus');
export const HELMS = { 'Helm 4': 'helm-4', 'Helm 3': 'helm-3' } as const;
export type Helm = keyof typeof HELMS;

/** All files of values that come with the chart, by name, and the one of the example. */
export const VALUES: Record<string, string> = Object.fromEntries(
  [
    ...readdirSync(join(CHART, 'ci')).map((name) => join('charts/cronzimus/ci', name)),
    'charts/cronzimus/values-stage.yaml',
    'charts/cronzimus/values-prod.yaml',
    'examples/own-tasks/values.yaml',
  ].map((name) => [name, join(ROOT, name)]),
);

/** What tests look at of a manifest; its types are checked as a whole by `manifestFaults`. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Manifest = Record<string, any>;

export interface Said {
  code: number;
  text: string;
}

/** Runs Helm; an end other than 0 is an answer too. */
export async function helm(which: Helm, ...args: string[]): Promise<Said> {
  const program = join(ROOT, 'tools', 'helm', 'node_modules', HELMS[which], 'helm');
  try {
    const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 16_000_000 });
    return { code: 0, text: stdout };
  } catch (error) {
    const { code, stderr, stdout } = error as { code: number; stderr: string; stdout: string };
    return { code, text: `${stdout}${stderr}` };
  }
}

const LEAST = ['--set', 'database.existingSecret=db', '--set', 'auth.existingSecret=keys'];

/** What `helm template` makes of values files, or of the least that is needed. Throws what Helm says. */
export async function render(args: string[] = [], which: Helm = 'Helm 4'): Promise<Manifest[]> {
  const given = args.includes('-f') ? args : [...LEAST, ...args];
  const { code, text } = await helm(which, 'template', 'rel', CHART, ...given);
  if (code !== 0) throw new Error(text);
  return manifestsOf(text);
}

export const manifestsOf = (text: string): Manifest[] =>
  parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    const manifest = document.toJSON() as Manifest | null;
    return manifest ? [manifest] : [];
  });

/** What Helm says when it refuses these settings; throws when it does not. */
export async function refusal(...settings: string[]): Promise<string> {
  const { code, text } = await helm('Helm 4', 'template', 'rel', CHART, ...LEAST, ...settings);
  if (code === 0) throw new Error(`not refused: ${settings.join(' ')}`);
  return text;
}

/** The only manifest of a kind, or the one of this name. */
export function only(manifests: Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (manifest) => manifest['kind'] === kind && (!name || manifest['metadata'].name === name),
  );
  if (found.length !== 1) throw new Error(`${found.length} of kind ${kind} ${name ?? ''}`);
  return found[0]!;
}

export const podOf = (manifest: Manifest): Manifest => manifest['spec'].template.spec as Manifest;

/** The variables of the first container, those from elsewhere as an object. */
export function envOf(manifest: Manifest): Record<string, unknown> {
  const env = podOf(manifest)['containers'][0].env as { name: string; value?: string; valueFrom?: object }[];
  return Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]));
}

export const server = (manifests: Manifest[]) => only(manifests, 'Deployment', 'rel-cronzimus');
export const worker = (manifests: Manifest[]) => only(manifests, 'Deployment', 'rel-cronzimus-worker');

export const volumesOf = (manifest: Manifest): Manifest =>
  Object.fromEntries((podOf(manifest)['volumes'] as Manifest[]).map((volume) => [volume['name'], volume]));

export const FULL = ['-f', VALUES['charts/cronzimus/ci/full-values.yaml']!];
export const TRIAL = ['-f', VALUES['charts/cronzimus/ci/trial-values.yaml']!];
export const OPEN = ['-f', VALUES['charts/cronzimus/ci/open-values.yaml']!];

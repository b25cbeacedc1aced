import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';

const ROOT = join(import.meta.dirname, '..', '..');
export const CHART = join(ROOT, 'charts', 'cronzimus');
export const HELMS = { 'Helm 4': 'helm-4', 'Helm 3': 'helm-3' } as const;
export type Helm = keyof typeof HELMS;

/** The values files of the chart and of the example, by name. */
export const VALUES: Record<string, string> = Object.fromEntries(
  [
    ...readdirSync(join(CHART, 'ci')).map((name) => join('charts/cronzimus/ci', name)),
    'charts/cronzimus/values-stage.yaml',
    'charts/cronzimus/values-prod.yaml',
    'examples/own-tasks/values.yaml',
  ].map((name) => [name, join(ROOT, name)]),
);

/** A manifest, untyped: `manifestFaults` checks its types as a whole. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Manifest = Record<string, any>;

export interface Output {
  code: number;
  text: string;
}

/** Runs Helm, and returns its exit code and output. */
export async function helm(which: Helm, ...args: string[]): Promise<Output> {
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

/** The output of `helm template` with these arguments, and the least values that are required unless there is a values file. Throws
 *  the error of Helm. */
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

/** The error with which Helm refuses these settings. Throws when it does not refuse them. */
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

/** The variables of the first container. Those with `valueFrom` are objects. */
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

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file of the service. */
export interface SourceFile {
  /** From the root of the repository, such as `src/jobs/jobs.module.ts`. */
  path: string;
  text: string;
}

const ROOT = join(import.meta.dirname, '..', '..');
const MIGRATIONS = 'src/database/migrations/';

export const readText = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** All TypeScript files of src, without the specs. */
const all = (): SourceFile[] =>
  readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .toSorted()
    .map((path) => ({ path, text: readText(path) }));

/** What runs in a service: all but the specs and the migrations. */
export const sourceFiles = (): SourceFile[] => all().filter(({ path }) => !path.startsWith(MIGRATIONS));

/** In the order in which they are applied. */
export const migrationFiles = (): SourceFile[] => all().filter(({ path }) => path.startsWith(MIGRATIONS));

/** The number of the line of a text in which a position is. */
export const lineAt = (text: string, position: number): number => text.slice(0, position).split('\n').length;

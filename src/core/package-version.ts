import { readFileSync } from 'node:fs';
import { z } from 'zod';

// The same two levels up from `src/http` and from `dist/http`.
const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** This package's version, from its package.json. */
export const packageVersion = z.object({ version: z.string() }).parse(manifest).version;

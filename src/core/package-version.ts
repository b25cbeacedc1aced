import { readFileSync } from 'node:fs';
import { z } from 'zod';

// Two levels up from both `src/core` and `dist/core`.
const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** The version in this package's package.json. */
export const packageVersion = z.object({ version: z.string() }).parse(manifest).version;

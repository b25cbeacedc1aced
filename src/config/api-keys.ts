import { createHash } from 'node:crypto';
import { z } from 'zod';
import { roles } from './api-roles.js';

/** Names that the audit uses for changes without an API key. */
const reserved = ['anonymous', 'code', 'file', 'START_PAUSED'];

/** An API key as the service stores it: the digest of the key, and never the key itself. */
export const apiKey = z.strictObject({
  name: z
    .string('must be a string')
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/,
      'must be 1-128 of A-Z a-z 0-9 . _ @ - and start with a letter or digit',
    )
    .refine((name) => !reserved.includes(name), `must not be one of ${reserved.join(', ')}`),
  role: z.enum(roles, `must be one of ${roles.join(', ')}`),
  sha256: z
    .string('must be a string')
    .regex(/^[0-9a-f]{64}$/i, 'must be the 64 hex digits of printf %s "$key" | sha256sum')
    .toLowerCase(),
  /** The key is invalid from this instant on. Absent: it never expires. */
  expiresAt: z.iso
    .datetime({ offset: true, error: 'must be ISO 8601 with a zone, such as 2027-01-31T00:00:00Z' })
    .optional(),
});
export type ApiKey = z.output<typeof apiKey>;

/** Keys that have the name or the digest of an earlier key in the list. */
export const duplicates = (keys: ApiKey[]): { index: number; message: string }[] =>
  keys.flatMap((key, index) => {
    const earlier = keys.slice(0, index).find(({ name, sha256 }) => name === key.name || sha256 === key.sha256);
    if (!earlier) return [];
    const message =
      earlier.name === key.name ? `there is another key named ${key.name}` : `it is the same key as ${earlier.name}`;
    return [{ index, message }];
  });

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** `name:role:key,…`. Messages give the number of the entry and quote nothing, because any part of an entry may be a key. */
export const apiKeyList = z.string().transform((text, context): ApiKey[] => {
  const keys: ApiKey[] = [];
  const fault = (index: number, message: string) =>
    context.addIssue({ code: 'custom', message: `entry ${index + 1}: ${message}` });
  for (const [index, entry] of text.split(',').entries()) {
    const [name, role, ...rest] = entry.trim().split(':');
    const key = rest.join(':');
    const { data, error } = apiKey.safeParse({ name, role, sha256: sha256(key).toString('hex') });
    if (!/^[!-~]+$/.test(key)) fault(index, 'must be name:role:key, where key is visible ASCII without commas');
    else if (data) keys.push(data);
    else for (const { path, message } of error.issues) fault(index, `${path.join('.')} ${message}`);
  }
  for (const { index, message } of duplicates(keys)) fault(index, message);
  return keys;
});

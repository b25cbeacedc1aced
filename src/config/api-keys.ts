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

/** The fault of a key that has the name or the digest of one of the `others`. Undefined when it has not. */
export function duplicateFault(key: ApiKey, others: ApiKey[]): string | undefined {
  const other = others.find(({ name, sha256 }) => name === key.name || sha256 === key.sha256);
  if (!other) return undefined;
  return other.name === key.name ? `there is another key named ${key.name}` : `it is the same key as ${other.name}`;
}

/** Shorter keys can be guessed. The text of a key is checked where it is known; a digest does not show its length. */
export const MIN_KEY_LENGTH = 16;
const MAX_REPEATED = 8;
const MAKE_ONE = 'make one with: openssl rand -base64 32';

/** What makes a key easy to guess, and how to make a better one. Null for all other keys. Never quotes the key. */
export function weaknessOf(key: string): string | null {
  if (key.length < MIN_KEY_LENGTH) return `the key must have at least ${MIN_KEY_LENGTH} characters; ${MAKE_ONE}`;
  // Such as "trialtrialtrialtrial": as easy to guess as the part that is repeated.
  for (let length = 1; length <= MAX_REPEATED; length += 1)
    if (key.startsWith(key.slice(length)))
      return `the key must not repeat a text of up to ${MAX_REPEATED} characters; ${MAKE_ONE}`;
  return null;
}

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** `name:role:key,…`. Messages give the number of the entry and quote nothing, because any part of an entry may be a key. */
export const apiKeyList = z.string().transform((text, context): ApiKey[] => {
  const keys: ApiKey[] = [];
  const fault = (index: number, message: string) =>
    context.addIssue({ code: 'custom', message: `entry ${index + 1}: ${message}` });
  for (const [index, entry] of text.split(',').entries()) {
    const [name, role, ...rest] = entry.trim().split(':');
    const key = rest.join(':');
    if (!/^[!-~]+$/.test(key)) {
      fault(index, 'must be name:role:key, where key is visible ASCII without commas');
      continue;
    }
    const weakness = weaknessOf(key);
    if (weakness !== null) fault(index, weakness);
    const { data, error } = apiKey.safeParse({ name, role, sha256: sha256(key).toString('hex') });
    for (const { path, message } of error?.issues ?? []) fault(index, `${path.join('.')} ${message}`);
    if (!data) continue;
    const duplicate = duplicateFault(data, keys);
    if (duplicate !== undefined) fault(index, duplicate);
    keys.push(data);
  }
  return keys;
});

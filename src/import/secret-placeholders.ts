import type { Json } from '../core/json.js';
import { NotImportableError } from './import-result.js';

/** A Unicode noncharacter, which texts do not contain. */
const EDGE = '\ufdd0';
const WHOLE = new RegExp(`^${EDGE}([^${EDGE}]*)${EDGE}$`);

/** Stands for the value of a secret while a command is read, because only the cluster knows that value. */
export const placeholderOf = (secret: string): string => `${EDGE}${secret}${EDGE}`;

export const hasPlaceholder = (text: string): boolean => text.includes(EDGE);

/** The text with the names of the secrets, as <name>, in place of the placeholders. */
export const showPlaceholders = (text: string): string =>
  text.replaceAll(new RegExp(`${EDGE}([^${EDGE}]*)${EDGE}`, 'g'), '<$1>');

/** Replaces each placeholder by a reference to its secret. Throws a NotImportableError when a placeholder is only part of
 *  a text, because a reference replaces a whole value. */
export function withReferences(value: Json): Json {
  if (Array.isArray(value)) return value.map(withReferences);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        refusePlaceholders(key);
        return [key, withReferences(item)];
      }),
    );
  }
  if (typeof value !== 'string') return value;
  const secret = WHOLE.exec(value)?.[1];
  if (secret !== undefined) return { $secret: secret };
  refusePlaceholders(value);
  return value;
}

/** The names of the secrets whose placeholders are in the value. */
export function secretsIn(value: Json): string[] {
  if (typeof value === 'string') return value.split(EDGE).filter((_part, index) => index % 2 === 1);
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(secretsIn) : [];
}

function refusePlaceholders(text: string): void {
  if (!hasPlaceholder(text)) return;
  throw new NotImportableError(
    `"${showPlaceholders(text)}" contains a secret; a reference replaces a whole value, so store the whole text as a secret`,
  );
}

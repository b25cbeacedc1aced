import type { Json } from '../core/json.js';
import { NotImported } from './found.js';

/** A character that Unicode keeps out of texts. */
const EDGE = '\ufdd0';
const WHOLE = new RegExp(`^${EDGE}([^${EDGE}]*)${EDGE}$`);

/** Stands in a command line for the value of a secret, which only its cluster knows. */
export const markOf = (secret: string): string => `${EDGE}${secret}${EDGE}`;

export const isMarked = (text: string): boolean => text.includes(EDGE);

/** References for the texts that are a mark. A text of which a mark is only a part is refused: a reference is a whole value. */
export function withReferences(value: Json): Json {
  if (Array.isArray(value)) return value.map(withReferences);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [refuseMarks(key) ?? key, withReferences(item)]),
    );
  }
  if (typeof value !== 'string' || !isMarked(value)) return value;
  const secret = WHOLE.exec(value)?.[1];
  return secret === undefined ? refuseMarks(value)! : { $secret: secret };
}

/** The secrets that a value refers to. */
export function secretsIn(value: Json): string[] {
  if (typeof value === 'string') return value.split(EDGE).filter((_part, index) => index % 2 === 1);
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(secretsIn) : [];
}

function refuseMarks(text: string): undefined {
  if (!isMarked(text)) return undefined;
  const shown = text.replaceAll(new RegExp(`${EDGE}([^${EDGE}]*)${EDGE}`, 'g'), '<$1>');
  throw new NotImported(
    `"${shown}" has a secret inside a text; a reference stands for a whole value: store the whole text as a secret`,
  );
}

import { LRUCache } from 'lru-cache';
import { Fragments, type Span } from './fragments.js';
import { formsOf, RECOGNISABLE } from './secret-forms.js';
import { unescape } from './unescape.js';

/** Replaces every secret in a text with `***`. */
export type Mask = (text: string) => string;

/** The mask for work without secrets: it changes nothing. */
export const unmasked: Mask = (text) => text;

/** A mask for these secrets. Of each of them, and of each encoding of it, any eight characters in a row are masked: so the secret may
 *  be split over lines or fields, cut off on either side, or escaped. Escapes may also be inside of escapes. */
export function maskOf(secrets: readonly string[]): Mask {
  const fragments = [...new Set(secrets)].flatMap(fragmentsOf);
  if (fragments.length === 0) return unmasked;
  const spansIn = (text: string) => fragments.flatMap((one) => one.spansIn(text));
  return (text) => {
    const spans = spansIn(text);
    for (const { text: plain, starts } of unescape(text))
      for (const { start, end } of spansIn(plain)) spans.push({ start: starts[start]!, end: starts[end]! });
    return spans.length === 0 ? text : withoutSpans(text, spans);
  };
}

/** How many characters the secrets of one attempt may have together, and those of SECRETS_DIR. Each takes about 100 bytes once it is
 *  compiled, and compiling 64 KiB blocks the process for a noticeable time. */
export const MAX_SECRETS_LENGTH = 262_144;

/** Compiled secrets, one by one: every secret is compiled once, in whatever sets of secrets the attempts use it. There is room for
 *  all secrets twice, since they may change. The size is counted in characters. */
const compiled = new LRUCache<string, Fragments[]>({
  maxSize: 2 * MAX_SECRETS_LENGTH,
  sizeCalculation: (_fragments, secret) => secret.length + 1,
});

function fragmentsOf(secret: string): Fragments[] {
  const known = compiled.get(secret);
  if (known) return known;
  const byWidth = Map.groupBy(formsOf(secret), (form) => Math.min(form.length, RECOGNISABLE));
  const fragments = [...byWidth].map(([width, texts]) => new Fragments(width, texts));
  compiled.set(secret, fragments);
  return fragments;
}

/** Replaces the spans, as one where they overlap. A character of two UTF-16 units is replaced as a whole. */
function withoutSpans(text: string, spans: Span[]): string {
  let masked = '';
  let at = 0;
  let covered = 0;
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    if (start >= covered) {
      masked += `${text.slice(at, Math.max(at, isInsidePair(text, start) ? start - 1 : start))}***`;
      covered = end;
    }
    covered = Math.max(covered, end);
    at = isInsidePair(text, covered) ? covered + 1 : covered;
  }
  return masked + text.slice(at);
}

const isInsidePair = (text: string, at: number) => /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 1, at + 1));

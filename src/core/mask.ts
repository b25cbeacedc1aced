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
  const key = JSON.stringify(secrets);
  const known = compiled.get(key) ?? compile(secrets);
  compiled.set(key, known);
  return known;
}

/** Attempts of the same job have the same secrets. The size is counted in characters, each of which takes about 100 bytes. */
const compiled = new LRUCache<string, Mask>({ maxSize: 200_000, sizeCalculation: (_mask, key) => key.length });

function compile(secrets: readonly string[]): Mask {
  const forms = new Set(secrets.flatMap((secret) => [...formsOf(secret)]));
  if (forms.size === 0) return unmasked;
  const byWidth = Map.groupBy(forms, (form) => Math.min(form.length, RECOGNISABLE));
  const fragments = [...byWidth].map(([width, texts]) => new Fragments(width, texts));
  const spansIn = (text: string) => fragments.flatMap((one) => one.spansIn(text));
  return (text) => {
    const spans = spansIn(text);
    for (const { text: plain, starts } of unescape(text))
      for (const { start, end } of spansIn(plain)) spans.push({ start: starts[start]!, end: starts[end]! });
    return spans.length === 0 ? text : withoutSpans(text, spans);
  };
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

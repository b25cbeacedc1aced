import * as fc from 'fast-check';
import { cases } from '../../../test/support/triggers.js';
import { runError } from './run-errors.js';
import { fieldsAsJson, outputAsJson } from '../../core/json.js';
import { maskOf } from '../../core/mask.js';

/** Encoders that write each character by itself, so the encoding of a part is a part of the encoding. */
const escapes: Record<string, (text: string) => string> = {
  json: (text) => JSON.stringify(text).slice(1, -1),
  'json in ASCII': (text) =>
    JSON.stringify(text)
      .slice(1, -1)
      .replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  percent: (text) => encodeURIComponent(text),
  'percent in lower case': (text) => encodeURIComponent(text).replaceAll(/%../g, (byte) => byte.toLowerCase()),
  form: (text) => new URLSearchParams([['', text]]).toString().slice(1),
  html: (text) => text.replaceAll(/[&<>"']/g, (c) => htmlNames[c]!),
  'html in decimal': (text) => text.replaceAll(/[^\w ]/gu, (c) => `&#${c.codePointAt(0)};`),
  'html in hex': (text) => text.replaceAll(/[^\w ]/gu, (c) => `&#x${c.codePointAt(0)!.toString(16)};`),
  hex: (text) => Buffer.from(text).toString('hex'),
};
/** Other ways to escape, of which only whole characters are looked for. */
const looseEscapes: Record<string, (text: string) => string> = {
  'json as PHP writes it': (text) => JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/'),
  'json as Go writes it': (text) =>
    JSON.stringify(text)
      .slice(1, -1)
      .replaceAll(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
  'a part of a URL': (text) => encodeURI(text),
  'html as PHP writes it': (text) => text.replaceAll(/[&<>"'äöü]/g, (c) => htmlNames[c]!),
};
const htmlNames: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#039;',
  ä: '&auml;',
  ö: '&ouml;',
  ü: '&uuml;',
};
const same = (text: string) => text;
const toCrlf = (text: string) => text.replaceAll(/\r?\n/g, '\r\n');
const toLf = (text: string) => text.replaceAll('\r\n', '\n');

/** What the base64 of a text that contains `secret` shows of it, for each of the three places at which it may begin. */
function base64Traces(secret: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    // The characters that do not depend on what stands around the secret are the ones that two surroundings share.
    const [one, two] = [0x00, 0xff].map((byte) =>
      Buffer.concat([Buffer.alloc(before, byte), Buffer.from(secret), Buffer.alloc(3, byte)]).toString('base64'),
    );
    const shared = Array.from(one!)
      .map((char, index) => (char === two![index] ? char : ' '))
      .join('');
    return [shared, shared.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** Everything that eight characters in a row may be taken from. */
function tracesOf(secret: string): Set<string> {
  const traces = new Set<string>();
  const add = (text: string) => {
    for (let at = 0; at + 8 <= text.length; at += 1) traces.add(text.slice(at, at + 8));
  };
  for (const text of [secret, toCrlf(secret), toLf(secret)])
    for (const encode of [same, ...Object.values(escapes)]) add(encode(text));
  for (const text of [secret, toCrlf(secret), toLf(secret)])
    for (const trace of base64Traces(text)) for (const part of trace.split(' ')) add(part);
  // Characters of the secret, escaped twice, or as some other encoder does. A `%`, `\` or `&` before them may take in three of them.
  const characters = Array.from(secret);
  const both = { ...escapes, ...looseEscapes };
  for (let at = 0; at + 11 <= characters.length; at += 1) {
    const part = characters.slice(at, at + 11).join('');
    for (const first of Object.values(both)) {
      traces.add(first(part));
      for (const second of Object.values(escapes)) if (second !== escapes['hex']) traces.add(second(first(part)));
    }
  }
  return traces;
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/';
const word = (min: number, max: number, alphabet = letters) =>
  fc.string({ unit: fc.constantFrom(...Array.from(alphabet)), minLength: min, maxLength: max });
const odd = word(8, 40, 'ab1 .*+?^${}()|[]\\/\'"&<>%=;:,-_~\t\näöü€😀漢');

/** Secrets, and what of them must not show: a header's credentials also without their encoding. */
const secret: fc.Arbitrary<{ value: string; hidden: string[] }> = fc.oneof(
  word(8, 64).map((value) => ({ value, hidden: [value] })),
  odd.map((value) => ({ value, hidden: [value] })),
  fc
    .array(word(1, 70), { minLength: 2, maxLength: 5 })
    .chain((lines) => fc.constantFrom('\n', '\r\n').map((eol) => lines.join(eol)))
    .filter((value) => value.length >= 8)
    .map((value) => ({ value, hidden: [value] })),
  fc.tuple(word(3, 8), odd).map(([user, password]) => {
    const value = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    return { value, hidden: [value, `${user}:${password}`, password] };
  }),
  word(8, 60).map((token) => ({ value: `Bearer ${token}`, hidden: [`Bearer ${token}`, token] })),
  fc.tuple(word(3, 8, 'abcdef'), odd, word(8, 20), odd).map(([user, password, path, query]) => {
    const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
    const value = `https://${login}@api.example.org/${path}?key=${encodeURIComponent(query)}`;
    return { value, hidden: [value, `${user}:${password}`, password, `/${path}`, query] };
  }),
  fc.tuple(odd, odd).map(([id, key]) => {
    const value = JSON.stringify({ id, key }, null, 2);
    return { value, hidden: [value, id, key] };
  }),
);

const between = fc.constantFrom('', '', ' ', '\n', '"', ',', '=', '&', '\\', '%', '%2', 'x', '1', '\r\n', '+', '😀');
const encoders = fc.constantFrom(same, same, toCrlf, toLf, ...Object.values({ ...escapes, ...looseEscapes }));

/** A text with some of these texts in it, each written in some way and perhaps cut off on both sides. */
const embedded = (hidden: string[]): fc.Arbitrary<string> => {
  const base64 = fc.tuple(word(0, 5), word(0, 5), fc.constantFrom('base64', 'base64url')).map(
    ([before, after, alphabet]) =>
      (text: string) =>
        Buffer.from(`${before}${text}${after}`).toString(alphabet),
  );
  const write = fc.tuple(fc.oneof(encoders, base64), fc.oneof({ weight: 3, arbitrary: fc.constant(same) }, encoders));
  const piece = fc
    .tuple(fc.constantFrom(...hidden), write, fc.nat(), fc.nat(), fc.boolean())
    .map(([text, [first, second], from, to, whole]) => {
      const written = second(first(text));
      const [start, end] = [from % (written.length + 1), to % (written.length + 1)].toSorted((a, b) => a - b);
      return whole ? written : written.slice(start, end);
    });
  return fc.array(fc.tuple(between, piece), { minLength: 1, maxLength: 4 }).map((parts) => parts.flat().join(''));
};

interface Case {
  secrets: string[];
  hidden: string[];
  texts: string[];
}
const given: fc.Arbitrary<Case> = fc
  .array(secret, { minLength: 1, maxLength: 3 })
  .map((all) => ({ secrets: all.map(({ value }) => value), hidden: all.flatMap(({ hidden }) => hidden) }))
  .filter(({ hidden }) => hidden.every((text) => text.isWellFormed() && !text.includes('***')))
  .chain((base) =>
    fc.array(embedded(base.hidden), { minLength: 3, maxLength: 3 }).map((texts) => ({
      ...base,
      texts: texts.map((text) => text.toWellFormed()),
    })),
  );

/** All strings and keys in a JSON value. */
function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [key, ...stringsIn(item)]);
}

function leaks({ hidden }: Case, results: string[]): string[] {
  // The stars of the mask are no characters of a secret.
  const shown = results.flatMap((result) => result.split('***')).filter((part) => part.length >= 8);
  return hidden
    .flatMap((text) => [...tracesOf(text)])
    .filter((trace) => !trace.includes('***') && shown.some((result) => result.includes(trace)));
}

/** Checks random cases. Throws with the smallest case of which something remains in a result of `show`. */
const check = (show: (one: Case) => string[]) =>
  fc.assert(
    fc.property(given, (one) => {
      const results = show(one);
      expect(leaks(one, results)).toEqual([]);
      expect(results.every((result) => result.isWellFormed())).toBe(true);
    }),
    cases(60),
  );

function shownInJson({ secrets, texts: [a = '', b = '', c = ''] }: Case): string[] {
  const output = { [a]: [b, { [c]: a, d: Buffer.from(b), e: new TextEncoder().encode(c) }], f: { g: { h: [[c]] } } };
  const mask = maskOf(secrets);
  return [outputAsJson(output, mask)!, fieldsAsJson(output, mask)].flatMap((text) => stringsIn(JSON.parse(text)));
}

function shownInErrors({ secrets, texts: [a = '', b = '', c = ''] }: Case): string[] {
  const thrown = Object.assign(new Error(a, { cause: new Error(b) }), { code: c });
  const mask = maskOf(secrets);
  const logged: unknown = JSON.parse(fieldsAsJson({ err: thrown }, mask));
  return [runError(thrown, mask), runError(`${a}${b}`, mask), logged].flatMap(stringsIn);
}

describe('eight characters in a row of a secret, or of an encoding of it,', () => {
  it('never remain in a text', () => {
    expect(() => check(({ secrets, texts }) => texts.map(maskOf(secrets)))).not.toThrow();
  });

  it('never remain in a value, a key or a list of an output or of fields of a log line', () => {
    expect(() => check(shownInJson)).not.toThrow();
  });

  it('never remain in the message, the stack, the code or the cause of an error', () => {
    expect(() => check(shownInErrors)).not.toThrow();
  });
});

import { unescape } from './unescape.js';

/** Characters. A shorter secret is not masked, because its text is likely to occur inside ordinary words. */
export const SHORTEST = 4;
/** Characters. As much of a secret, or of an encoding of it, is masked wherever it is. A shorter secret is masked as a whole. */
export const RECOGNISABLE = 8;

/** All texts in which a secret may appear: the secret and its parts, in the encodings that servers and libraries use. `unescape`
 *  recognises other ways to escape, and escapes inside of escapes. */
export function formsOf(secret: string): Set<string> {
  const values = [secret, ...credentialsIn(secret), ...partsOf(secret)].filter((value) => value.length >= SHORTEST);
  return new Set([...new Set(values)].flatMap(encodings).filter((form) => form.length >= SHORTEST));
}

/** The token of `Bearer <token>`, and the password and `user:password` of `Basic <base64>` and of a URL. They are secrets themselves,
 *  so short ones count too. */
function credentialsIn(secret: string): string[] {
  const [, scheme, token] = /^([\w-]+) +(\S+)$/.exec(secret) ?? [];
  if (token !== undefined)
    return scheme!.toLowerCase() === 'basic' ? [token, ...passwordIn(fromBase64(token))] : [token];
  const [, user, password] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#@:]*):([^/?#@]*)@/i.exec(secret) ?? [];
  if (password === undefined) return [];
  const login = `${fromPercent(user!)}:${fromPercent(password)}`;
  return [`${user}:${password}`, password, ...passwordIn(login)];
}

/** What a server reads from a secret: the path and the query values of a URL, and the strings of a JSON text. */
function partsOf(secret: string): string[] {
  if (URL.canParse(secret)) {
    const { pathname, searchParams } = new URL(secret);
    return [fromPercent(pathname), ...searchParams.values()].filter((part) => part.length >= RECOGNISABLE);
  }
  try {
    return stringsIn(JSON.parse(secret)).filter((part) => part.length >= RECOGNISABLE);
  } catch {
    return [];
  }
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

const passwordIn = (login: string) => (login.includes(':') ? [login, login.slice(login.indexOf(':') + 1)] : []);
const fromBase64 = (text: string) => Buffer.from(text, 'base64').toString();

function fromPercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function encodings(value: string): string[] {
  const lf = value.replaceAll('\r\n', '\n');
  // The service and its surroundings may have changed the ends of lines before they encoded the text.
  const texts = [...new Set([value, lf, lf.replaceAll('\n', '\r\n')])];
  return [
    value,
    unescape(value).at(-1)?.text ?? '',
    ...texts.flatMap(escapes),
    ...[...new Set([...texts, escapeJson(value)])].flatMap(inBase64),
    ...texts.map((text) => Buffer.from(text).toString('hex')).flatMap((hex) => [hex, hex.toUpperCase()]),
  ];
}

function escapes(text: string): string[] {
  const percent = encodeURIComponent(text.toWellFormed());
  const form = new URLSearchParams([['', text]]).toString().slice(1);
  const json = escapeJson(text);
  const escaped = [
    text,
    json,
    json.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    ...[percent, percent.replaceAll('%20', '+'), form].flatMap((one) => [
      one,
      one.replaceAll(/%../g, (byte) => byte.toLowerCase()),
    ]),
    text.replaceAll(/[&<>"']/g, (char) => HTML_NAMES[char]!),
    text.replaceAll(/[&<>"']/g, (char) => (char === "'" ? '&apos;' : HTML_NAMES[char]!)),
    text.replaceAll(/[^\w ]/gu, (char) => `&#${char.codePointAt(0)};`),
    text.replaceAll(/[^\w ]/gu, (char) => `&#x${char.codePointAt(0)!.toString(16)};`),
  ];
  return [...new Set(escaped)].flatMap((one) => around(one, /\\u[0-9a-f]{4}|\\.|%..|&#?\w+;|[+\r\n]/g));
}

const HTML_NAMES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#039;' };

const escapeJson = (text: string) => JSON.stringify(text).slice(1, -1);

/** The base64 of the text, and what it looks like inside the base64 of a longer text. There it begins at one of three places in a
 *  group of three bytes, and only the characters between its first and its last whole one do not depend on what surrounds it. */
function inBase64(text: string): string[] {
  const bytes = Buffer.from(text);
  const inside = [1, 2].map((before) => {
    const all = Buffer.concat([Buffer.alloc(before), bytes]);
    return all.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((all.length * 8) / 6));
  });
  return [bytes.toString('base64'), ...inside].flatMap((one) => [
    one,
    one.slice(0, Math.floor((bytes.length * 8) / 6)),
    ...around(one.replaceAll('+', '-').replaceAll('/', '_'), /[-_]/g),
    // As `unescape` returns it.
    ...around(one.replaceAll('+', ' '), / /g),
  ]);
}

/** The parts of a text in which any eight characters in a row touch a match of the pattern. The rest is in the text without escapes. */
function around(text: string, pattern: RegExp): string[] {
  if (text.length <= RECOGNISABLE) return [text];
  const parts: string[] = [];
  let [start, end] = [0, 0];
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (index - RECOGNISABLE > end) {
      parts.push(text.slice(start, end));
      start = index - RECOGNISABLE + 1;
    }
    end = index + match.length + RECOGNISABLE - 1;
  }
  return [...parts, text.slice(start, end)];
}

/** Writes `***` in a text wherever one of some secrets stands. */
export type Mask = (text: string) => string;

/** Where there is nothing to hide. */
export const bare: Mask = (text) => text;

/** A value that is shorter stays: taking it out would tear other words. In characters. */
const SHORTEST = 4;
/** So much of a secret tells it: at the end of a line it was cut off there, and a part of this length is hidden too. In characters. */
const RECOGNISABLE = 8;

/** Hides these secrets, also where they are written as in JSON, in URLs and in base64, or were cut off. */
export function maskOf(secrets: readonly string[]): Mask {
  const long = secrets.filter((secret) => secret.length >= SHORTEST);
  // The longer one first: it may hold a shorter one.
  const hidden = [...new Set(long.flatMap(waysToWrite))].toSorted((a, b) => b.length - a.length);
  if (hidden.length === 0) return bare;
  return (text) => hidden.reduce((masked, one) => withoutStart(masked.replaceAll(one, '***'), one), text);
}

function waysToWrite(secret: string): string[] {
  const parts = partsOf(secret).filter((part) => part.length >= RECOGNISABLE);
  return [secret, ...parts].flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text.toWellFormed()),
    Buffer.from(text).toString('base64'),
    Buffer.from(text).toString('base64url'),
  ]);
}

/** What a server may tell of what it was sent: of "Bearer x" the x, of a URL its path and the values of its query. */
function partsOf(secret: string): string[] {
  const [, credentials] = /^[\w-]+ +(\S+)$/.exec(secret) ?? [];
  if (credentials !== undefined) return [credentials];
  if (!/^https?:/i.test(secret) || !URL.canParse(secret)) return [];
  const { href, origin, pathname, search, searchParams } = new URL(secret);
  const path = pathname === '/' ? [] : [pathname, `${origin}${pathname}`];
  return [href, ...path, `${pathname}${search}`, search, ...searchParams.values()];
}

/** A text that somebody has cut may end within the secret. */
function withoutStart(text: string, secret: string): string {
  if (secret.length <= RECOGNISABLE) return text;
  const start = secret.slice(0, RECOGNISABLE);
  let masked = text;
  for (let at = masked.indexOf(start); at >= 0; at = masked.indexOf(start, at + 1)) {
    const length = sharedLength(masked, at, secret);
    const end = masked[at + length];
    if (end === undefined || end === '\n') masked = `${masked.slice(0, at)}***${masked.slice(at + length)}`;
  }
  return masked;
}

function sharedLength(text: string, at: number, secret: string): number {
  let length = RECOGNISABLE;
  while (length < secret.length && text[at + length] === secret[length]) length += 1;
  return length;
}

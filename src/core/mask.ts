/** Replaces every secret in a text with `***`. */
export type Mask = (text: string) => string;

/** The mask for work without secrets: it changes nothing. */
export const unmasked: Mask = (text) => text;

/** Characters. Shorter secrets are not masked, because their text is likely to occur inside ordinary words. */
const SHORTEST = 4;
/** Characters. A secret that was cut off at the end of a line is masked when at least this much of it is left. */
const RECOGNISABLE = 8;

/** A mask for these secrets. It also finds them escaped as in JSON or a URL, in base64, and cut off at the end of a line. */
export function maskOf(secrets: readonly string[]): Mask {
  const long = secrets.filter((secret) => secret.length >= SHORTEST);
  // A longer secret may contain a shorter one, so it is replaced first.
  const hidden = [...new Set(long.flatMap(waysToWrite))].toSorted((a, b) => b.length - a.length);
  if (hidden.length === 0) return unmasked;
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

/** The parts that a server may repeat in an error: the token of "Bearer <token>", and the path and query values of a URL. */
function partsOf(secret: string): string[] {
  const [, credentials] = /^[\w-]+ +(\S+)$/.exec(secret) ?? [];
  if (credentials !== undefined) return [credentials];
  if (!/^https?:/i.test(secret) || !URL.canParse(secret)) return [];
  const { href, origin, pathname, search, searchParams } = new URL(secret);
  const path = pathname === '/' ? [] : [pathname, `${origin}${pathname}`];
  return [href, ...path, `${pathname}${search}`, search, ...searchParams.values()];
}

/** Masks the start of a secret where the text or a line ends inside the secret. */
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

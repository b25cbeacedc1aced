const LONGEST = 128;

/** The valid job name that is closest to `wish`. */
export function validName(wish: string): string {
  const plain = wish.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  return trimmed(plain.replaceAll(/[^a-z0-9._-]+/g, '-'), LONGEST) || 'job';
}

/** The host and path of a URL: what a request without a name of its own is named after. */
export function nameOfUrl(url: string): string {
  if (!URL.canParse(url)) return 'curl';
  const { hostname, pathname } = new URL(url);
  return `${hostname}${pathname}`;
}

/** Makes valid and unique job names. */
export class JobNames {
  private readonly taken = new Set<string>();

  take(wish: string): string {
    const base = validName(wish);
    let name = base;
    for (let number = 2; this.taken.has(name); number += 1)
      name = `${trimmed(base, LONGEST - 1 - String(number).length)}-${number}`;
    this.taken.add(name);
    return name;
  }
}

/** At most `length` characters; the first and the last are a letter or a digit. */
const trimmed = (text: string, length: number): string =>
  text
    .replace(/^[._-]+/, '')
    .slice(0, length)
    .replace(/[._-]+$/, '');

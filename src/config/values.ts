import { isIP } from 'node:net';
import { z } from 'zod';

/** A whole number written in decimal digits, `min` to `max`. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

/** Seconds, fractions allowed. */
export const seconds = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, `must be a number of seconds from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

/** Words between commas; an empty text means none. */
export const wordList = z.string().transform((text) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== ''),
);

export const postgresUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol),
    'must be a URL such as postgres://user:password@host:5432/database',
  );

const PROXY =
  'must be a number of proxies, or addresses, networks (10.0.0.0/8), loopback, linklocal, uniquelocal between commas';

/** What Express takes as `trust proxy`, without "all of them": then anybody could claim any address. */
export const proxies = wordList
  .refine((words) => words.length > 0 && words.every(isProxy), PROXY)
  .transform((words) => (words.length === 1 && /^\d+$/.test(words[0]!) ? Number(words[0]) : words));

function isProxy(word: string, _index: number, { length }: string[]): boolean {
  if (/^\d{1,2}$/.test(word)) return length === 1;
  const [address = '', bits, ...rest] = word.split('/');
  const longest = isIP(address) === 4 ? 32 : 128;
  const isNetwork =
    isIP(address) > 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest));
  return isNetwork || ['loopback', 'linklocal', 'uniquelocal'].includes(word);
}

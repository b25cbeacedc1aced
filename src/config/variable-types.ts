import { z } from 'zod';
import { isAddressOrNetwork } from '../core/ip.js';

/** A whole number from `min` to `max` in decimal digits. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

/** A number of seconds from `min` to `max`, with or without a fraction. */
export const seconds = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, `must be a number of seconds from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

/** Words separated by commas. An empty text gives an empty list. */
export const wordList = z.string().transform((text) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== ''),
);

const POSTGRES_URL = 'a URL such as postgres://user:password@host:5432/database';

export const postgresUrl = z.string().refine(isPostgresUrl, `must be ${POSTGRES_URL}`);

/** `self` for the service's own database, or the URL of another one. */
export const selfOrPostgresUrl = z
  .string()
  .refine((text) => text === 'self' || isPostgresUrl(text), `must be self, or ${POSTGRES_URL}`);

export const httpUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be an http or https URL such as https://hc-ping.com/uuid',
  );

function isPostgresUrl(text: string): boolean {
  return URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol);
}

/** Hosts separated by commas, in lower case: names, `*.domain` for every name below a domain, addresses, and networks. */
export const hosts = z
  .string()
  .toLowerCase()
  .pipe(wordList)
  .superRefine((words, context) => {
    for (const word of words.length > 0 ? words : [''])
      if (!isHostName(word) && !isAddressOrNetwork(word))
        context.addIssue({
          code: 'custom',
          message: `"${word}" must be a name such as example.org, *.example.org for every name below it, an address, or a network such as 10.0.0.0/8, without a port`,
        });
  });

const isHostName = (word: string) => /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(word) && !/(^|\.)\d+$/.test(word);

const PROXIES =
  'must be a number of proxies, or a list of addresses, networks (10.0.0.0/8), loopback, linklocal and uniquelocal, separated by commas';

/** A value for Express's `trust proxy`. `true` is not allowed: clients could then claim any address. */
export const proxies = wordList
  .refine((words) => words.length > 0 && words.every(isProxy), PROXIES)
  .transform((words) => (words.length === 1 && /^\d+$/.test(words[0]!) ? Number(words[0]) : words));

function isProxy(word: string, _index: number, { length }: string[]): boolean {
  if (/^\d{1,2}$/.test(word)) return length === 1;
  return isAddressOrNetwork(word) || ['loopback', 'linklocal', 'uniquelocal'].includes(word);
}

import type { IncomingMessage } from 'node:http';
import type { OutgoingRequest } from './http-request.js';

/** What another origin is sent too: none of it opens a door. */
const HARMLESS = /^(accept|accept-encoding|content-type|content-length|idempotency-key|user-agent|cronzimus-.*)$/;

/** The request that an answer asks for in its place, as browsers understand it; undefined where it asks for none. At another
 *  origin most headers are left out, since any of them may be a key. Throws where it leads to no http or https URL. */
export function redirected(
  { method, url, headers, body }: OutgoingRequest,
  { statusCode = 0, headers: { location } }: Pick<IncomingMessage, 'statusCode' | 'headers'>,
): OutgoingRequest | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) return undefined;
  const target = targetOf(location, url);
  const asGet = statusCode === 303 ? method !== 'HEAD' : statusCode < 303 && method === 'POST';
  const kept = [...headers].filter(
    ([name]) => (target.origin === url.origin || HARMLESS.test(name)) && !(asGet && name.startsWith('content-')),
  );
  return { method: asGet ? 'GET' : method, url: target, headers: new Headers(kept), body: asGet ? undefined : body };
}

function targetOf(location: string, from: URL): URL {
  // Headers are read as Latin-1, and some servers write UTF-8.
  const text = Buffer.from(location, 'latin1').toString();
  const target = URL.canParse(text, from.href) ? new URL(text, from) : undefined;
  if (!target || !/^https?:$/.test(target.protocol) || target.username || target.password)
    throw new Error('it was redirected to what is no http or https URL without user and password');
  return target;
}

import dns, { type LookupAddress } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { withoutBrackets } from '../core/ip.js';
import type { Destinations } from './http-destinations.js';

export interface OutgoingRequest {
  method: string;
  url: URL;
  headers: Headers;
  body: string | undefined;
}

const MAX_REDIRECTS = 20;

/** Agents of our own: Node may configure the global ones to use the proxy of the environment, which would connect to any
 *  address for us. Connections are not reused. */
const agents = { 'http:': new http.Agent(), 'https:': new https.Agent() };

/** Sends a request and follows its redirects. Returns the last response with its body unread. Throws ADDRESS_REFUSED before
 *  anything is sent to an address that `destinations` refuses. */
export async function sendRequest(
  first: OutgoingRequest,
  destinations: Destinations,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let request = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await sendOnce(request, destinations, signal);
    const next = redirectOf(request, response);
    if (!next) return response;
    response.destroy();
    request = next;
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

function sendOnce(
  { method, url, headers, body }: OutgoingRequest,
  destinations: Destinations,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const host = withoutBrackets(url.hostname);
  // Node does not call `lookup` for an address.
  if (isIP(host)) destinations.check(host, host);
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const options = {
      method,
      headers: Object.fromEntries(headers),
      agent: agents[secure ? 'https:' : 'http:'],
      lookup: checkedLookup(destinations),
      signal,
    };
    (secure ? https : http).request(url, options, resolve).on('error', reject).end(body);
  });
}

/** The lookup of a connection. It returns only addresses that `destinations` allows, and the connection goes to one of these
 *  without a second lookup. When none is allowed, it fails with the refusal of the first address. */
const checkedLookup =
  (destinations: Destinations): LookupFunction =>
  (host, options, done) => {
    dns.lookup(host, { ...options, all: true }, (error, found) => {
      const { allowed, refusals } = error ? { allowed: [], refusals: [error] } : sortOut(destinations, host, found);
      const [first] = allowed;
      if (!first) done((refusals[0] ?? new Error(`${host} has no address`)) as NodeJS.ErrnoException, []);
      else if (options.all) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };

function sortOut(destinations: Destinations, host: string, found: LookupAddress[]) {
  const allowed: LookupAddress[] = [];
  const refusals: unknown[] = [];
  for (const one of found) {
    try {
      destinations.check(host, one.address);
      allowed.push(one);
    } catch (refusal) {
      refusals.push(refusal);
    }
  }
  return { allowed, refusals };
}

/** Headers that are also sent to another origin, because none of them is a credential. */
const SAFE_HEADER = /^(accept|accept-encoding|content-type|content-length|idempotency-key|user-agent|cronzimus-.*)$/;

/** The request that a redirect leads to, by the rules of browsers. Undefined when the response is not a redirect. At another
 *  origin, all headers but the safe ones are left out, because any of them may be a credential. Throws when the target is
 *  not an http or https URL. */
export function redirectOf(
  { method, url, headers, body }: OutgoingRequest,
  { statusCode = 0, headers: { location } }: Pick<IncomingMessage, 'statusCode' | 'headers'>,
): OutgoingRequest | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) return undefined;
  const target = targetOf(location, url);
  const asGet = statusCode === 303 ? method !== 'HEAD' : statusCode < 303 && method === 'POST';
  const kept = [...headers].filter(
    ([name]) => (target.origin === url.origin || SAFE_HEADER.test(name)) && !(asGet && name.startsWith('content-')),
  );
  return { method: asGet ? 'GET' : method, url: target, headers: new Headers(kept), body: asGet ? undefined : body };
}

function targetOf(location: string, from: URL): URL {
  // Node decodes headers as Latin-1, but some servers send UTF-8.
  const text = Buffer.from(location, 'latin1').toString();
  const target = URL.canParse(text, from.href) ? new URL(text, from) : undefined;
  if (!target || !/^https?:$/.test(target.protocol) || target.username || target.password)
    throw new Error('redirected to something other than an http or https URL without user and password');
  return target;
}

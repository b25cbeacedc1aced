import type { LookupAddress } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { NameResolver } from '../core/dns/name-resolver.js';
import { withoutBrackets } from '../core/ip.js';
import type { Destinations } from './http-destinations.js';

export interface OutgoingRequest {
  method: string;
  url: URL;
  headers: Headers;
  body: string | undefined;
}

const MAX_REDIRECTS = 20;
/** For the headers of each response, and for its trailers. */
const MAX_HEADER_BYTES = 16_384;

/** Agents of our own: Node may configure the global ones to use the proxy of the environment, which would connect to any
 *  address for us. Connections are not reused. */
const agents = { 'http:': new http.Agent(), 'https:': new https.Agent() };

/** Where a request may go. */
interface Network {
  destinations: Destinations;
  names: NameResolver;
}

/** Sends a request and follows its redirects, except those with a status that `mayFollow` refuses. Returns the last response with its
 *  body unread; its caller destroys the socket. Throws ADDRESS_REFUSED before anything is sent to an address that `destinations`
 *  refuses. */
export async function sendRequest(
  first: OutgoingRequest,
  network: Network,
  mayFollow: (status: number) => boolean,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let request = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await sendOnce(request, network, signal);
    let next: OutgoingRequest | undefined;
    try {
      next = mayFollow(response.statusCode!) ? redirectOf(request, response) : undefined;
    } catch (error) {
      response.socket.destroy();
      throw error;
    }
    if (!next) return response;
    response.socket.destroy();
    request = next;
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

/** Settles in any case: with the response, with an error, or when the connection closes without either. */
function sendOnce(
  { method, url, headers, body }: OutgoingRequest,
  { destinations, names }: Network,
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
      lookup: checkedLookup(destinations, names),
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
    };
    (secure ? https : http)
      .request(url, options, (response) => {
        if (response.statusCode !== 101) return resolve(response);
        response.socket.destroy();
        reject(new SwitchingError());
      })
      // For most responses with 101, Node hands over the socket instead, and no longer closes it at the signal.
      .on('upgrade', (_response, socket) => {
        socket.destroy();
        reject(new SwitchingError());
      })
      .on('error', reject)
      .on('close', () => reject(new Error('the connection was closed before a response')))
      .end(body);
  });
}

class SwitchingError extends Error {
  override message =
    'the server responded with 101, to switch to another protocol; the task needs an ordinary response';
}

/** The lookup of a connection, for HTTP and for mail. It returns only addresses that `destinations` allows, and the connection goes to one of these
 *  without a second lookup. When none is allowed, it fails with the refusal of the first address. */
export const checkedLookup =
  (destinations: Destinations, names: NameResolver): LookupFunction =>
  (host, options, done) => {
    names.lookup(host, { ...options, all: true }, (error, found) => {
      const { allowed, refusals } = error
        ? { allowed: [], refusals: [error] }
        : sortOut(destinations, host, found as LookupAddress[]);
      const [first] = allowed;
      if (!first) done(refusals[0] as NodeJS.ErrnoException, []);
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
 *  not an http or https URL, and when the redirect would send the body to another origin: it may contain credentials too. */
export function redirectOf(
  { method, url, headers, body }: OutgoingRequest,
  { statusCode = 0, headers: { location } }: Pick<IncomingMessage, 'statusCode' | 'headers'>,
): OutgoingRequest | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) return undefined;
  const target = targetOf(location, url);
  const asGet = statusCode === 303 ? method !== 'HEAD' : statusCode < 303 && method === 'POST';
  if (body !== undefined && !asGet && target.origin !== url.origin)
    throw new Error(
      `redirected with ${statusCode} to another origin, ${target.origin}, and the body is not sent there, because it may contain \
credentials; if it may go there, put that address in the url of the job`,
    );
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

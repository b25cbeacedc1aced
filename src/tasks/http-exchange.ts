import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { withoutBrackets } from '../core/ip.js';
import type { Destinations } from './http-destinations.js';
import { lookupIn } from './http-lookup.js';
import { redirected } from './http-redirect.js';
import type { OutgoingRequest } from './http-request.js';

const MOST_REDIRECTS = 20;

/** Our own, since the global ones go through the proxy of the environment where Node is told so, which would connect for
 *  us to whatever it likes. A connection serves one request. */
const agents = { 'http:': new http.Agent(), 'https:': new https.Agent() };

/** Sends a request, follows its redirects, and answers with a body that is still to be read. Throws ADDRESS_REFUSED before
 *  anything is sent to an address that is not open to tasks. */
export async function exchange(
  first: OutgoingRequest,
  destinations: Destinations,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let request = first;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
    const response = await send(request, destinations, signal);
    const next = redirected(request, response);
    if (!next) return response;
    response.destroy();
    request = next;
  }
  throw new Error(`it was redirected more than ${MOST_REDIRECTS} times`);
}

function send(
  { method, url, headers, body }: OutgoingRequest,
  destinations: Destinations,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const host = withoutBrackets(url.hostname);
  // An address is not looked up.
  if (isIP(host)) destinations.check(host, host);
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const options = {
      method,
      headers: Object.fromEntries(headers),
      agent: agents[secure ? 'https:' : 'http:'],
      lookup: lookupIn(destinations),
      signal,
    };
    (secure ? https : http).request(url, options, resolve).on('error', reject).end(body);
  });
}

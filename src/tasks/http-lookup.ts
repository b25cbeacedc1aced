import dns, { type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Destinations } from './http-destinations.js';

/** The lookup of a connection, which goes to what is answered here and asks no second time: only addresses that may be
 *  connected to. Where a name has no other, the refusal of its first is the error. */
export const lookupIn =
  (destinations: Destinations): LookupFunction =>
  (host, options, done) => {
    dns.lookup(host, { ...options, all: true }, (error, found) => {
      const { allowed, refusals } = error ? { allowed: [], refusals: [error] } : judge(destinations, host, found);
      const [first] = allowed;
      if (!first) done((refusals[0] ?? new Error(`${host} has no address`)) as NodeJS.ErrnoException, []);
      else if (options.all) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };

function judge(destinations: Destinations, host: string, found: LookupAddress[]) {
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

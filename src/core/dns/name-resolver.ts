import { Resolver } from 'node:dns/promises';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { domainToASCII } from 'node:url';
import { callbackify } from 'node:util';
import { LRUCache } from 'lru-cache';
import { ParsedFile, parseHosts, parseResolvConf, type ResolvConf } from './system-files.js';

/** A lookup ends after this time, also when there are many search domains. */
const MAX_LOOKUP_MS = 10_000;
/** How long a lookup waits for new addresses when it knows the previous ones, whose time to live is over. */
const PATIENCE_WITH_STALE_MS = 1_000;
/** How long the second of two queries, for IPv4 and for IPv6, may take longer than the first. */
const SECOND_FAMILY_MS = 500;
const MAX_TTL_SECONDS = 3_600;
const MAX_NAMES = 1_000;

/** EBADNAME: the name, or the name with its search domain, is too long or has an empty part. */
const NOT_FOUND = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME']);
/** With these results of one name, the next search domain is tried. */
const NEXT_DOMAIN = new Set([...NOT_FOUND, 'ESERVFAIL']);

interface Found {
  addresses: LookupAddress[];
  ttlSeconds: number;
}

/**
 * Resolves names like getaddrinfo(3), by /etc/hosts and by the servers, search domains and options of /etc/resolv.conf, but
 * without a thread: `dns.lookup` runs getaddrinfo in libuv's four threads, and four names whose server is silent keep all
 * other names waiting. Here, each lookup has sockets of its own, and ends after 10 s.
 *
 * Addresses are kept for their time to live. If no server responds after that, the old addresses are used on.
 */
export class NameResolver {
  private readonly hosts: ParsedFile<Map<string, string[]>>;
  private readonly config: ParsedFile<ResolvConf>;
  private readonly known = new LRUCache<string, { addresses: LookupAddress[]; until: number }>({ max: MAX_NAMES });
  private readonly pending = new Map<string, Promise<LookupAddress[]>>();

  constructor({ hosts = '/etc/hosts', resolvConf = '/etc/resolv.conf' } = {}) {
    this.hosts = new ParsedFile(hosts, parseHosts);
    this.config = new ParsedFile(resolvConf, (text) => parseResolvConf(text));
  }

  /** For the option `lookup` of `net.connect` and of requests. */
  readonly lookup: LookupFunction = (host, { all, family }, done) => {
    callWith(this.resolveFamily(host, family), (error, found) => {
      const [first] = found ?? [];
      if (error || !first) done(error, []);
      else if (all) done(null, found!);
      else done(null, first.address, first.family);
    });
  };

  /** All addresses of `host`, IPv4 first. Rejects with an error that has the `code` of getaddrinfo: ENOTFOUND when there is no
   *  such name, or EAI_AGAIN when the name servers fail or do not respond. */
  async resolve(host: string): Promise<LookupAddress[]> {
    // Also turns the short forms of an IPv4 address, such as 127.1, into the address.
    const name = isIP(host) ? host : domainToASCII(host).toLowerCase();
    if (isIP(name)) return [{ address: name, family: isIP(name) }];
    if (name === '') throw unresolved(host, 'ENOTFOUND', 'it is not a valid name');
    const relative = name.replace(/\.$/, '');
    if (relative === 'localhost' || relative.endsWith('.localhost')) return sorted(['127.0.0.1', '::1']);
    const local = this.hosts.read().get(relative);
    if (local) return sorted(local);

    const known = this.known.get(name);
    if (known && known.until > performance.now()) return known.addresses;
    const fresh = this.pending.get(name) ?? this.query(name);
    return known ? staleUnless(fresh, known.addresses) : fresh;
  }

  /** Ends the time to live of the addresses of `host`, so that the next lookup asks the servers. If they do not respond, the old
   *  addresses are used on. */
  forget(host: string): void {
    const known = this.known.get(domainToASCII(host).toLowerCase());
    if (known) known.until = 0;
  }

  private async resolveFamily(host: string, family: LookupOptions['family']): Promise<LookupAddress[]> {
    const addresses = await this.resolve(host);
    if (!family) return addresses;
    const wanted = addresses.filter((one) => one.family === family || `IPv${one.family}` === family);
    if (wanted.length === 0) throw unresolved(host, 'ENOTFOUND', `it has no address of family ${family}`);
    return wanted;
  }

  /** Concurrent lookups of a name share one query. */
  private query(name: string): Promise<LookupAddress[]> {
    const query = this.queryServers(name).finally(() => this.pending.delete(name));
    // Whoever waits for it handles the error. With stale addresses, nobody may be waiting any more.
    query.catch(() => {});
    this.pending.set(name, query);
    return query;
  }

  private async queryServers(name: string): Promise<LookupAddress[]> {
    const config = this.config.read();
    const resolver = new Resolver({ timeout: config.timeoutMs, tries: config.attempts });
    useServers(resolver, config.servers);
    const timer = setTimeout(() => resolver.cancel(), MAX_LOOKUP_MS);
    timer.unref();
    try {
      const { addresses, ttlSeconds } = await search(resolver, name, config);
      const until = performance.now() + Math.min(ttlSeconds, MAX_TTL_SECONDS) * 1000;
      this.known.set(name, { addresses, until });
      return addresses;
    } catch (error) {
      if (NOT_FOUND.has(codeOf(error))) this.known.delete(name);
      throw described(error, name, resolver.getServers());
    } finally {
      clearTimeout(timer);
      resolver.cancel();
    }
  }
}

/** Tries the name and its search domains in the order of resolv.conf(5), until one has addresses. */
async function search(resolver: Resolver, name: string, { search: domains, ndots }: ResolvConf): Promise<Found> {
  let failure: unknown;
  for (const candidate of candidatesOf(name, domains, ndots)) {
    try {
      return await addressesOf(resolver, candidate);
    } catch (error) {
      if (!NEXT_DOMAIN.has(codeOf(error))) throw error;
      // A server that failed for one domain says more than another domain without the name.
      if (failure === undefined || NOT_FOUND.has(codeOf(failure))) failure = error;
    }
  }
  throw failure;
}

function candidatesOf(name: string, domains: string[], ndots: number): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const longer = domains.map((domain) => `${name}.${domain}`);
  return name.split('.').length > ndots ? [name, ...longer] : [...longer, name];
}

/** Asks for IPv4 and IPv6 at the same time. One family is enough, since some servers never respond for the other. */
async function addressesOf(resolver: Resolver, name: string): Promise<Found> {
  const queries = [resolver.resolve4(name, { ttl: true }), resolver.resolve6(name, { ttl: true })].map(nonEmpty);
  const records: { address: string; ttl: number }[] = [];
  const failures: unknown[] = [];
  const both = Promise.all(
    queries.map((query) =>
      query.then(
        (found) => void records.push(...found),
        (error: unknown) => void failures.push(error),
      ),
    ),
  );
  await Promise.any(queries).catch(() => {});
  const over = new AbortController();
  await Promise.race([both, pause(SECOND_FAMILY_MS, undefined, { signal: over.signal }).catch(() => {})]);
  over.abort();
  if (records.length > 0)
    return {
      addresses: sorted(records.map(({ address }) => address)),
      ttlSeconds: Math.min(...records.map(({ ttl }) => ttl)),
    };
  throw failures.find((failure) => !NOT_FOUND.has(codeOf(failure))) ?? failures[0];
}

/** c-ares returns no records, instead of ENODATA, for an alias of a name without addresses. */
async function nonEmpty<T>(query: Promise<T[]>): Promise<T[]> {
  const records = await query;
  if (records.length === 0) throw Object.assign(new Error('no addresses'), { code: 'ENODATA' });
  return records;
}

/** The result of `fresh`, or `stale` when it takes long or fails. That the name no longer exists is not a failure. */
async function staleUnless(fresh: Promise<LookupAddress[]>, stale: LookupAddress[]): Promise<LookupAddress[]> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<LookupAddress[]>((resolve) => {
    timer = setTimeout(() => resolve(stale), PATIENCE_WITH_STALE_MS);
  });
  try {
    return await Promise.race([fresh, patience]);
  } catch (error) {
    if (NOT_FOUND.has(codeOf(error))) throw error;
    return stale;
  } finally {
    clearTimeout(timer);
  }
}

/** Leaves out entries that c-ares does not accept. Without any, c-ares uses its own default. */
function useServers(resolver: Resolver, servers: string[]): void {
  const accepted = servers.filter((server) => {
    try {
      resolver.setServers([server]);
      return true;
    } catch {
      return false;
    }
  });
  if (accepted.length > 0) resolver.setServers(accepted);
}

const callWith = callbackify((addresses: Promise<LookupAddress[]>) => addresses) as (
  addresses: Promise<LookupAddress[]>,
  done: (error: NodeJS.ErrnoException | null, addresses?: LookupAddress[]) => void,
) => void;

const sorted = (addresses: string[]): LookupAddress[] =>
  addresses.map((address) => ({ address, family: isIP(address) })).toSorted((one, other) => one.family - other.family);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? '';

/** With the codes of getaddrinfo, which libraries know. */
function described(error: unknown, name: string, servers: string[]): NodeJS.ErrnoException {
  const code = codeOf(error);
  if (NOT_FOUND.has(code)) return unresolved(name, 'ENOTFOUND', 'there is no such name, or it has no address');
  const silent = code === 'ETIMEOUT' || code === 'ECANCELLED';
  const what = silent ? 'did not respond' : `failed with ${code || String(error)}`;
  return unresolved(name, 'EAI_AGAIN', `the name server ${servers.join(' or ')} ${what}`);
}

const unresolved = (name: string, code: string, why: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`"${name}" cannot be resolved: ${why}`), { code, hostname: name });

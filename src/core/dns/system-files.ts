import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { isIP } from 'node:net';

/** What /etc/resolv.conf says. */
export interface ResolvConf {
  /** Addresses, with a port or without. Empty: the default of c-ares. */
  servers: string[];
  /** The domains that are appended to short names, in order. */
  search: string[];
  /** A name with fewer dots is short. */
  ndots: number;
  /** How long to wait for one server, in milliseconds. */
  timeoutMs: number;
  /** How often to ask each server. */
  attempts: number;
}

/** The limits of glibc. Our default timeout is shorter than its 5 s, because a connection to the database waits 5 s in all. */
const MAX = { ndots: 15, timeout: 30, attempts: 5 };
const DEFAULTS = { ndots: 1, timeout: 2, attempts: 2 };

/** See resolv.conf(5). Unknown lines and options are ignored. Of several `search` and `domain` lines the last counts. Without
 *  one, the domain of this machine's own name is searched. */
export function parseResolvConf(text: string, ownName = hostname()): ResolvConf {
  const servers: string[] = [];
  const options = { ...DEFAULTS };
  const [, ...ownDomain] = ownName.split('.');
  let search = ownDomain.length > 0 ? [ownDomain.join('.')] : [];
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/(^|\s)[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && words[0] !== undefined) servers.push(words[0]);
    if (keyword === 'search' || keyword === 'domain') search = words;
    if (keyword !== 'options') continue;
    for (const word of words) {
      const [, name, value] = /^(ndots|timeout|attempts):(\d+)$/.exec(word) ?? [];
      if (name !== undefined)
        options[name as keyof typeof MAX] = Math.min(Number(value), MAX[name as keyof typeof MAX]);
    }
  }
  return {
    servers,
    search: search.map((domain) => domain.replace(/\.$/, '')).filter((domain) => domain !== ''),
    ndots: options.ndots,
    timeoutMs: Math.max(1, options.timeout) * 1000,
    attempts: Math.max(1, options.attempts),
  };
}

/** The addresses of each name in /etc/hosts. Names are in lower case. */
export function parseHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const known = hosts.get(name.toLowerCase());
      if (!known) hosts.set(name.toLowerCase(), [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return hosts;
}

/** A file that is parsed again when it has changed. A missing file counts as an empty one. */
export class ParsedFile<T> {
  private version: string | undefined;
  private parsed: T;

  constructor(
    private readonly path: string,
    private readonly parse: (text: string) => T,
  ) {}

  /** Reads synchronously: the asynchronous functions of Node wait for a thread of the same pool that `getaddrinfo` can block. */
  read(): T {
    const version = this.currentVersion();
    if (version === this.version) return this.parsed;
    this.parsed = this.parse(version === '' ? '' : readFileSync(this.path, 'utf8'));
    this.version = version;
    return this.parsed;
  }

  private currentVersion(): string {
    const stats = statSync(this.path, { throwIfNoEntry: false });
    return stats ? `${stats.ino} ${stats.size} ${stats.mtimeMs}` : '';
  }
}

import { timingSafeEqual } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync, type Stats, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { type ApiKey, sha256 } from '../config/api-keys.js';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Loop } from '../core/loop.js';
import { describePathError, kindFault } from '../core/path-fault.js';
import { Problem } from '../core/problem.js';
import { lineNotUtf8, utf8Help } from '../core/utf8.js';
import { type ReadApiKeys, readApiKeys } from './api-keys-file.js';

/** The API keys, as digests. The keys of API_KEYS_FILE are reloaded when the file changes. */
@Injectable()
export class ApiKeys {
  private keys: ApiKey[] = [];
  /** The digests of the keys, in their order. Every request is compared with all of them, so they are decoded only once. */
  private digests: Buffer[] = [];
  /** The last time when API_KEYS_FILE was loaded or rejected, in milliseconds of the local clock. Null without the variable. */
  lastReload: { success: boolean; at: number } | null = null;
  private readonly events = new EventEmitter<{ reloaded: [success: boolean] }>();
  /** The content that was last loaded or rejected, so that each fault is logged once. */
  private handled = '';
  /** The content of the last read. */
  private lastRead = '';
  /** Polls the file. A swapped symlink of a mounted secret does not always cause a file system event. */
  readonly loop = new Loop({
    everyMs: 500,
    turn: () => this.poll(),
    failed: (error) => this.logger.error({ err: error }, 'API keys not reloaded'),
  });

  /** Throws API_KEYS_FILE_UNREADABLE or API_KEYS_FILE_INVALID. */
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly logger: PinoLogger,
  ) {
    const { API_KEYS = [], API_KEYS_FILE } = environment;
    this.use(API_KEYS);
    if (API_KEYS_FILE === undefined) return;
    const { keys, error } = this.load(API_KEYS_FILE, readNow(API_KEYS_FILE));
    if (error) throw error;
    this.use(keys);
  }

  /** The key with this text, even when it has expired. Compares the text with all keys in constant time. */
  find(text: string): ApiKey | undefined {
    const digest = sha256(text);
    return this.keys.filter((_key, index) => timingSafeEqual(this.digests[index]!, digest))[0];
  }

  /** Calls `listener` each time API_KEYS_FILE was loaded or rejected after the start. */
  onReload(listener: (success: boolean) => void): void {
    this.events.on('reloaded', listener);
  }

  /** Starts to poll API_KEYS_FILE every 500 ms. Does nothing when the variable is not set. */
  watch(): void {
    if (this.environment.API_KEYS_FILE !== undefined) this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** A file that is being written may be read in part, and one that is being replaced may be missing. So what was read counts only
   *  when two reads in a row return it. */
  private async poll(): Promise<void> {
    const path = this.environment.API_KEYS_FILE!;
    const read = await readSoon(path);
    const text = JSON.stringify(read);
    const isSettled = text === this.lastRead;
    this.lastRead = text;
    if (!isSettled || text === this.handled) return;
    const { keys, error } = this.load(path, read);
    this.use(keys);
    const names = keys.map(({ name }) => name);
    if (error) this.logger.error({ err: error, keys: names }, 'API keys file rejected, only these keys are valid now');
    else this.logger.info({ keys: names }, 'API keys reloaded');
  }

  private use(keys: ApiKey[]): void {
    this.keys = keys;
    this.digests = keys.map((key) => Buffer.from(key.sha256, 'hex'));
  }

  /** The keys that are valid once the file was read, and what is wrong with it. A missing file has no keys. Any other failure to
   *  read it changes nothing. */
  private load(path: string, read: Read): ReadApiKeys {
    this.handled = JSON.stringify(read);
    const loaded = 'text' in read ? readApiKeys(path, read.text, this.keys) : unreadable(read, this.keys);
    this.lastReload = { success: loaded.error === null, at: Date.now() };
    this.events.emit('reloaded', this.lastReload.success);
    return loaded;
  }
}

interface Failure {
  fault: string;
  isMissing: boolean;
}

const unreadable = ({ fault, isMissing }: Failure, inUse: ApiKey[]): ReadApiKeys => ({
  keys: isMissing ? [] : inUse,
  error: new Problem(500, 'API_KEYS_FILE_UNREADABLE', `API_KEYS_FILE cannot be read: ${fault}`),
});

type Read = { text: string } | Failure;
function asText(bytes: Buffer): Read {
  const line = lineNotUtf8(bytes);
  return line === undefined ? { text: bytes.toString() } : { fault: `line ${line}: ${utf8Help}`, isMissing: false };
}
const asFault = (path: string, error: NodeJS.ErrnoException): Read => ({
  fault: describePathError(path, error, 'file'),
  isMissing: error.code === 'ENOENT' || error.code === 'ENOTDIR',
});

const asKindFault = (path: string, stats: Stats): Read | null => {
  const fault = kindFault(path, stats, 'file');
  return fault === null ? null : { fault, isMissing: false };
};

function readNow(path: string): Read {
  try {
    return asKindFault(path, statSync(path)) ?? asText(readFileSync(path));
  } catch (error) {
    return asFault(path, error as Error);
  }
}

async function readSoon(path: string): Promise<Read> {
  try {
    return asKindFault(path, await stat(path)) ?? asText(await readFile(path));
  } catch (error) {
    return asFault(path, error as Error);
  }
}

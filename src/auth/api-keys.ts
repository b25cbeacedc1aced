import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { type ApiKey, sha256 } from '../config/api-keys.js';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Loop } from '../core/loop.js';
import { Problem } from '../core/problem.js';
import { parseApiKeys } from './api-keys-file.js';

/** The API keys, as digests. The keys of API_KEYS_FILE are reloaded when the file changes. */
@Injectable()
export class ApiKeys {
  private keys: ApiKey[];
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
    this.keys = API_KEYS_FILE === undefined ? API_KEYS : this.load(API_KEYS_FILE, readNow(API_KEYS_FILE));
  }

  /** The key with this text, even when it has expired. Compares the text with all keys in constant time. */
  find(text: string): ApiKey | undefined {
    const digest = sha256(text);
    return this.keys.filter((key) => timingSafeEqual(Buffer.from(key.sha256, 'hex'), digest))[0];
  }

  /** Starts to poll API_KEYS_FILE every 500 ms. Does nothing when the variable is not set. */
  watch(): void {
    if (this.environment.API_KEYS_FILE !== undefined) this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** Keeps the current keys when the file is invalid or missing. A file that is being written may be read in part, so new content
   *  is loaded only when two reads in a row return it. */
  private async poll(): Promise<void> {
    const path = this.environment.API_KEYS_FILE!;
    const read = await readFile(path, 'utf8').then(asText, asFault);
    const text = JSON.stringify(read);
    const isSettled = text === this.lastRead;
    this.lastRead = text;
    if (!isSettled || text === this.handled) return;
    try {
      this.keys = this.load(path, read);
      this.logger.info({ keys: this.keys.map(({ name }) => name) }, 'API keys reloaded');
    } catch (error) {
      this.logger.error({ err: error }, 'API keys not reloaded, the previous keys stay valid');
    }
  }

  private load(path: string, read: Read): ApiKey[] {
    this.handled = JSON.stringify(read);
    if ('fault' in read)
      throw new Problem(500, 'API_KEYS_FILE_UNREADABLE', `API_KEYS_FILE cannot be read: ${read.fault}`);
    return parseApiKeys(path, read.text);
  }
}

type Read = { text: string } | { fault: string };
const asText = (text: string): Read => ({ text });
const asFault = ({ message }: Error): Read => ({ fault: message });

function readNow(path: string): Read {
  try {
    return asText(readFileSync(path, 'utf8'));
  } catch (error) {
    return asFault(error as Error);
  }
}

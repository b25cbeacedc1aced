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

/** The keys that are valid now, as digests. */
@Injectable()
export class ApiKeys {
  private keys: ApiKey[];
  /** What was last taken or refused, so that a fault is told once. */
  private taken = '';
  private looked = '';
  /** Reads the file rather than wait for its events, which a swapped link of a mounted secret does not always send. */
  readonly loop = new Loop({
    everyMs: 500,
    turn: () => this.look(),
    failed: (error) => this.logger.error({ err: error }, 'API keys not reloaded'),
  });

  /** Throws when the file cannot be read or has faults. */
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly logger: PinoLogger,
  ) {
    const { API_KEYS = [], API_KEYS_FILE } = environment;
    this.keys = API_KEYS_FILE === undefined ? API_KEYS : this.take(API_KEYS_FILE, readNow(API_KEYS_FILE));
  }

  /** The key of this text, expired or not. Compares with all of them, so that the time it takes tells nothing. */
  find(text: string): ApiKey | undefined {
    const digest = sha256(text);
    return this.keys.filter((key) => timingSafeEqual(Buffer.from(key.sha256, 'hex'), digest))[0];
  }

  watch(): void {
    if (this.environment.API_KEYS_FILE !== undefined) this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** A file that is bad or gone leaves the keys as they are. One that is being written is seen in part: only what is the
   *  same at two looks counts. */
  private async look(): Promise<void> {
    const path = this.environment.API_KEYS_FILE!;
    const read = await readFile(path, 'utf8').then(asText, asFault);
    const text = JSON.stringify(read);
    const isSettled = text === this.looked;
    this.looked = text;
    if (!isSettled || text === this.taken) return;
    try {
      this.keys = this.take(path, read);
      this.logger.info({ keys: this.keys.map(({ name }) => name) }, 'API keys reloaded');
    } catch (error) {
      this.logger.error({ err: error }, 'API keys not reloaded: those of before stay valid');
    }
  }

  private take(path: string, read: Read): ApiKey[] {
    this.taken = JSON.stringify(read);
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

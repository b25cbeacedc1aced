import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { PinoLogger } from 'nestjs-pino';
import { clientNetwork } from '../core/ip.js';

const MAX_WRONG_KEYS = 40;
const MINUTE_MS = 60_000;
/** A bound for the memory, about 2 MB, however many addresses a guesser has. */
const MAX_NETWORKS = 10_000;

/** Limits how fast a client can guess API keys. After 40 wrong keys within a minute, its address is refused for a minute.
 *
 *  `RateLimiterMemory` of rate-limiter-flexible would keep a map entry and a timer for each address, without a limit. */
@Injectable()
export class FailedLogins {
  /** By client network. When it is full, the network that was quiet for the longest time is forgotten. */
  private readonly guessers = new LRUCache<string, { wrong: number; endsAt: number }>({ max: MAX_NETWORKS });

  constructor(private readonly logger: PinoLogger) {}

  /** The number of seconds for which an address is still refused. 0 when it is not. `now` is in milliseconds of a monotonic clock. */
  refusedFor(address: string, now = performance.now()): number {
    const guesser = this.guessers.get(clientNetwork(address));
    if (!guesser || guesser.wrong < MAX_WRONG_KEYS) return 0;
    return Math.max(0, Math.ceil((guesser.endsAt - now) / 1000));
  }

  /** Counts a wrong key from this address. */
  count(address: string, now = performance.now()): void {
    const network = clientNetwork(address);
    const known = this.guessers.get(network);
    const { wrong, endsAt } = known && known.endsAt > now ? known : { wrong: 0, endsAt: now + MINUTE_MS };
    this.logger.warn({ address }, 'wrong API key');
    const isOneTooMany = wrong + 1 >= MAX_WRONG_KEYS;
    this.guessers.set(network, { wrong: wrong + 1, endsAt: isOneTooMany ? now + MINUTE_MS : endsAt });
    if (isOneTooMany) this.logger.warn({ address: network }, 'too many wrong API keys, address refused for a minute');
  }
}

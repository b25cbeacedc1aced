import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { clientNetwork } from '../core/ip.js';

const MAX_WRONG_KEYS = 40;
const MINUTE_MS = 60_000;

/** Limits how fast a client can guess API keys. After 40 wrong keys within a minute, its address is refused for a minute. */
@Injectable()
export class FailedLogins {
  /** By client network, in ascending order of `endsAt`. */
  private readonly guessers = new Map<string, { wrong: number; endsAt: number }>();

  constructor(private readonly logger: PinoLogger) {}

  /** The number of seconds for which an address is still refused. 0 when it is not. A refused address cannot use a valid key
   *  either: otherwise the client could go on guessing. `now` is in milliseconds of a monotonic clock. */
  refusedFor(address: string, now = performance.now()): number {
    const guesser = this.guessers.get(clientNetwork(address));
    if (!guesser || guesser.wrong < MAX_WRONG_KEYS) return 0;
    return Math.max(0, Math.ceil((guesser.endsAt - now) / 1000));
  }

  /** Counts a wrong key from this address. */
  count(address: string, now = performance.now()): void {
    this.removeEnded(now);
    const network = clientNetwork(address);
    const { wrong, endsAt } = this.guessers.get(network) ?? { wrong: 0, endsAt: now + MINUTE_MS };
    this.logger.warn({ address }, 'wrong API key');
    if (wrong + 1 < MAX_WRONG_KEYS) {
      this.guessers.set(network, { wrong: wrong + 1, endsAt });
    } else {
      this.guessers.delete(network);
      this.guessers.set(network, { wrong: wrong + 1, endsAt: now + MINUTE_MS });
      this.logger.warn({ address: network }, 'too many wrong API keys, address refused for a minute');
    }
  }

  private removeEnded(now: number): void {
    for (const [network, { endsAt }] of this.guessers) {
      if (endsAt > now) return;
      this.guessers.delete(network);
    }
  }
}

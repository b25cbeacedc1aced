import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { clientNetwork } from '../core/ip.js';

const MOST_WRONG_KEYS = 40;
const MINUTE_MS = 60_000;

/** Keeps addresses from guessing keys: after 40 wrong ones in a minute, none of an address is looked at for a minute. */
@Injectable()
export class FailedLogins {
  /** By network, the one that is forgotten first in front. */
  private readonly guessers = new Map<string, { wrong: number; endsAt: number }>();

  constructor(private readonly logger: PinoLogger) {}

  /** For how many more seconds an address is refused, with a right key too: else guessing would go on, and only the wrong
   *  guesses be refused. 0: it is not. `now` is in milliseconds of a clock that nobody sets. */
  refusedFor(address: string, now = performance.now()): number {
    const guesser = this.guessers.get(clientNetwork(address));
    if (!guesser || guesser.wrong < MOST_WRONG_KEYS) return 0;
    return Math.max(0, Math.ceil((guesser.endsAt - now) / 1000));
  }

  count(address: string, now = performance.now()): void {
    this.forget(now);
    const network = clientNetwork(address);
    const { wrong, endsAt } = this.guessers.get(network) ?? { wrong: 0, endsAt: now + MINUTE_MS };
    this.logger.warn({ address }, 'wrong API key');
    if (wrong + 1 < MOST_WRONG_KEYS) {
      this.guessers.set(network, { wrong: wrong + 1, endsAt });
    } else {
      this.guessers.delete(network);
      this.guessers.set(network, { wrong: wrong + 1, endsAt: now + MINUTE_MS });
      this.logger.warn({ address: network }, 'too many wrong API keys: address refused for a minute');
    }
  }

  private forget(now: number): void {
    for (const [network, { endsAt }] of this.guessers) {
      if (endsAt > now) return;
      this.guessers.delete(network);
    }
  }
}

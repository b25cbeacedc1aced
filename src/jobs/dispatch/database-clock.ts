import { Injectable } from '@nestjs/common';

/** The database's clock, as far as this process can tell. Alarms ring by it; what is due is decided by the database alone. */
@Injectable()
export class DatabaseClock {
  /** How far it is ahead of performance.now(), which nobody sets, in milliseconds; null before the first reading. */
  private ahead: number | null = null;

  /** Learns from a reading that was asked for at `askedAt`, by performance.now(). Both in milliseconds. */
  learn(databaseNow: number, askedAt: number): void {
    // It was read between then and now: what agrees with that stays, so that a late answer teaches nothing wrong.
    const [least, most] = [databaseNow - performance.now(), databaseNow - askedAt];
    this.ahead = Math.min(most, Math.max(least, this.ahead ?? (least + most) / 2));
  }

  now(): Date {
    return new Date(this.milliseconds());
  }

  /** Milliseconds, negative when it is past. */
  until(instant: Date): number {
    return instant.getTime() - this.milliseconds();
  }

  /** How far it is ahead of this machine's clock, in whole milliseconds; negative when it is behind. */
  get offsetMs(): number {
    return Math.round(this.milliseconds() - Date.now());
  }

  private milliseconds(): number {
    return this.ahead === null ? Date.now() : performance.now() + this.ahead;
  }
}

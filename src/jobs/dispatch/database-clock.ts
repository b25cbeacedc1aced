import { Injectable } from '@nestjs/common';

/** This process's estimate of the database's clock. It decides only when alarms fire. Which jobs are due is decided by
 *  the database itself. */
@Injectable()
export class DatabaseClock {
  /** How far the database's clock is ahead of performance.now(), in milliseconds. Null before the first reading.
   *  performance.now() is monotonic, so the estimate survives a change of the local clock. */
  private ahead: number | null = null;

  /** Takes a reading of the database's clock that was requested at `askedAt` by performance.now(). Both in
   *  milliseconds. */
  learn(databaseNow: number, askedAt: number): void {
    // The database read its clock at some time between the request and now. That gives a range for `ahead`. An estimate
    // within the range stays, so that a slow reply, with its wide range, does not make the estimate worse.
    const [min, max] = [databaseNow - performance.now(), databaseNow - askedAt];
    this.ahead = Math.min(max, Math.max(min, this.ahead ?? (min + max) / 2));
  }

  now(): Date {
    return new Date(this.milliseconds());
  }

  /** Milliseconds from now until `instant`, negative if it is past. */
  until(instant: Date): number {
    return instant.getTime() - this.milliseconds();
  }

  /** How far the database's clock is ahead of this machine's clock, in whole milliseconds. Negative if it is behind. */
  get offsetMs(): number {
    return Math.round(this.milliseconds() - Date.now());
  }

  private milliseconds(): number {
    return this.ahead === null ? Date.now() : performance.now() + this.ahead;
  }
}

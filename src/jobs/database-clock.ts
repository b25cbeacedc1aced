import { Injectable } from '@nestjs/common';

/** How far the database's clock is ahead of this process's. Alarms ring by it; what is due is decided by the database alone. */
@Injectable()
export class DatabaseClock {
  /** Milliseconds; negative when the local clock is ahead. */
  offsetMs = 0;

  /** Learns from a reading of the database's clock that was asked for at `askedAt`, local milliseconds. */
  learn(databaseNow: Date, askedAt: number): void {
    this.offsetMs = Math.round(databaseNow.getTime() - (askedAt + Date.now()) / 2);
  }

  now(): Date {
    return new Date(Date.now() + this.offsetMs);
  }

  toLocal(databaseTime: Date): Date {
    return new Date(databaseTime.getTime() - this.offsetMs);
  }
}

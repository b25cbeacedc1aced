import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import { ApiDatabase } from '../database/api-database.js';

const FRESH_MS = 15_000;
/** Shorter than the timeout of any scraper. */
const MAX_READ_MS = 3_000;

/** Reads figures of the whole database for metrics. Every replica reports the same. The results are cached, so frequent scrapes do not
 *  cause more queries. */
@Injectable()
export class DatabaseFigures {
  constructor(
    private readonly database: ApiDatabase,
    private readonly logger: PinoLogger,
  ) {}

  /** Returns a function that returns the result of `read`. It calls `read` at most once in 15 s, and shares the result. The result is
   *  null when the database does not answer within 3 s. */
  of<T>(read: (tx: EntityManager) => Promise<T>): () => Promise<T | null> {
    let readAt = -Infinity;
    let figures: Promise<T | null> = Promise.resolve(null);
    return () => {
      if (performance.now() - readAt < FRESH_MS) return figures;
      readAt = performance.now();
      return (figures = this.readSoon(read));
    };
  }

  private readSoon<T>(read: (tx: EntityManager) => Promise<T>): Promise<T | null> {
    const reading = this.database.transaction(read, MAX_READ_MS).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'database figures for metrics not read');
      return null;
    });
    return Promise.race([reading, pause(MAX_READ_MS, null, { ref: false })]);
  }
}

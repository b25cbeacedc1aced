import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import { ApiDatabase } from '../database/api-database.js';

const FRESH_MS = 15_000;
/** Shorter than any patience of a scraper. */
const LONGEST_READ_MS = 3_000;

/** Figures of the whole database, which every replica tells alike. Scrapes never make more of its reading than this. */
@Injectable()
export class DatabaseFigures {
  constructor(
    private readonly database: ApiDatabase,
    private readonly logger: PinoLogger,
  ) {}

  /** A way to ask for what `read` answers: it is read once in 15 s at most, however often somebody asks. Null: the database
   *  did not answer within 3 s. */
  of<T>(read: (tx: EntityManager) => Promise<T>): () => Promise<T | null> {
    let askedAt = -Infinity;
    let answer: Promise<T | null> = Promise.resolve(null);
    return () => {
      if (performance.now() - askedAt < FRESH_MS) return answer;
      askedAt = performance.now();
      return (answer = this.soon(read));
    };
  }

  private soon<T>(read: (tx: EntityManager) => Promise<T>): Promise<T | null> {
    const reading = this.database.transaction(read, LONGEST_READ_MS).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'figures for metrics not read');
      return null;
    });
    return Promise.race([reading, pause(LONGEST_READ_MS, null, { ref: false })]);
  }
}

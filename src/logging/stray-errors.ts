import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { errorFields } from '../core/error-causes.js';
import { currentRun } from './run-fields.js';
import { logConsoleOfTasks } from './task-console.js';

/** Logs the errors that no code handles, and the warnings of the process. A line has the fields of the run whose code threw, and the
 *  secrets of that run are masked, because Node calls these listeners in the async context of the error. */
@Injectable()
export class StrayErrors {
  constructor(private readonly logger: PinoLogger) {}

  /**
   * Installs the listeners.
   * - An uncaught exception, such as one in a timer or an `error` event without a listener, ends the process with exit code 1.
   * - A rejected promise that nobody awaits ends the process too, except when a task has made it. The other runs of this process go on.
   */
  watch(): void {
    process.on('uncaughtException', (error) => this.end(error, 'uncaught exception; the process exits'));
    process.on('unhandledRejection', (reason) => {
      if (!currentRun()) this.end(reason, 'unhandled rejection; the process exits');
      this.log('error', reason, 'a promise of this run was rejected, and nothing awaited it');
    });
    // Node's own listener prints warnings to stderr, unmasked.
    for (const listener of process.listeners('warning'))
      if (listener.name === 'onWarning') process.off('warning', listener);
    logConsoleOfTasks(this.logger);
    process.on('warning', (warning) => this.log('warn', warning, 'process warning'));
  }

  private end(thrown: unknown, message: string): never {
    try {
      this.log('fatal', thrown, message);
    } finally {
      process.exit(1);
    }
  }

  /** A getter or a proxy of a task may throw when the error is read. That would be the next uncaught exception. */
  private log(level: 'warn' | 'error' | 'fatal', thrown: unknown, message: string): void {
    try {
      this.logger[level]({ err: errorFields(thrown) }, message);
    } catch {
      this.logger[level](`${message}; the error cannot be read`);
    }
  }
}

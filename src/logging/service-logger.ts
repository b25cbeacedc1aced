import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** The loggers with which Nest reports its own start. Their lines are logged at level debug. */
const startLoggers = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

/** Nest's logger, which writes to pino. */
@Injectable()
export class ServiceLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (startLoggers.has(rest.at(-1))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}

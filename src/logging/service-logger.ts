import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** The contexts in which Nest logs its own start. Their lines get level debug. */
const startContexts = new Set<unknown>([
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
    if (startContexts.has(rest.at(-1))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}

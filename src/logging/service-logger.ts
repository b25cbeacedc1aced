import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** Nest's account of its own start, which only its developers miss. */
const wordy = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

/** Nest's logger, over pino. */
@Injectable()
export class ServiceLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (wordy.has(rest.at(-1))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}

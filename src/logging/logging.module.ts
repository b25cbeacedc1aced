import { Global, Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import pretty from 'pino-pretty';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { maskedLines } from './masked-lines.js';
import { mergeFields, runFields } from './run-fields.js';
import { ServiceLogger } from './service-logger.js';
import { StrayErrors } from './stray-errors.js';

const secrets = ['authorization', 'cookie', '["x-api-key"]', '["proxy-authorization"]'];
const redacted = [
  ...secrets.flatMap((name) => [`req.headers${name.startsWith('[') ? name : `.${name}`}`]),
  ...['password', 'secret', 'token', 'apiKey', 'authorization'].flatMap((name) => [
    name,
    `*.${name}`,
    `fields.*.${name}`,
  ]),
];

/** Logging with nestjs-pino: JSON lines, or readable lines on a terminal, unless LOG_FORMAT is set. Fields with secrets are
 *  redacted, and lines of tasks are masked (see `withMask`). Requests to /health and /metrics are not logged. */
@Global()
@Module({
  imports: [
    LoggerModule.forRootAsync({
      inject: [ENVIRONMENT],
      useFactory: ({ LOG_LEVEL, LOG_FORMAT }: Environment) => ({
        pinoHttp: [
          {
            level: LOG_LEVEL,
            redact: { paths: redacted, censor: '[redacted]' },
            hooks: maskedLines,
            mixin: runFields,
            mixinMergeStrategy: mergeFields,
            customLogLevel: (_request, { statusCode }, error) =>
              error !== undefined || statusCode >= 500 ? 'error' : 'debug',
            autoLogging: { ignore: ({ url = '' }) => /^\/(health|metrics)/.test(url) },
          },
          (LOG_FORMAT ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty'
            ? pretty({ sync: true, singleLine: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
            : process.stdout,
        ],
      }),
    }),
  ],
  providers: [ServiceLogger, StrayErrors],
  exports: [ServiceLogger],
})
export class LoggingModule {}

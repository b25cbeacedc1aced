import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApiKeyGuard } from './api-key.guard.js';
import { ApiKeys } from './api-keys.js';
import { AuditController } from './audit.controller.js';
import { Authentication } from './authentication.js';
import { FailedLogins } from './failed-logins.js';

/** Authentication, authorization and the audit. */
@Global()
@Module({
  controllers: [AuditController],
  providers: [ApiKeys, FailedLogins, Authentication, { provide: APP_GUARD, useClass: ApiKeyGuard }],
  exports: [ApiKeys],
})
export class AuthModule {}

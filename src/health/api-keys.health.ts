import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { ApiKeys } from '../auth/api-keys.js';

/** Down while API_KEYS_FILE is missing or has errors: clients may be shut out, or a key that was to be withdrawn may still be valid. */
@Injectable()
export class ApiKeysHealth {
  constructor(
    private readonly keys: ApiKeys,
    private readonly health: HealthIndicatorService,
  ) {}

  /** Nothing without API_KEYS_FILE. The log has the details; this is shown to everybody. */
  check() {
    if (!this.keys.lastReload) return {};
    const indicator = this.health.check('apiKeysFile');
    return this.keys.lastReload.success ? indicator.up() : indicator.down('missing or with errors');
  }
}

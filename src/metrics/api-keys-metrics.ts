import { Injectable } from '@nestjs/common';
import { ApiKeys } from '../auth/api-keys.js';
import { Metrics } from './metrics.js';

/** Metrics of API_KEYS_FILE. They have no values if it is not set. */
@Injectable()
export class ApiKeysMetrics {
  constructor(metrics: Metrics, keys: ApiKeys) {
    const help = 'How often the API keys file was read after a change: success, or rejected because of errors';
    const reloads = metrics.counter('api_keys_file_reloads_total', help, ['result']);
    const count = (success: boolean) => reloads.inc({ result: success ? 'success' : 'rejected' });
    if (keys.lastReload) count(keys.lastReload.success);
    keys.onReload(count);
    const success = 'Whether the last read of the API keys file found no errors';
    metrics.gauge('api_keys_file_last_reload_success', success, [], () =>
      keys.lastReload ? [{ value: Number(keys.lastReload.success) }] : [],
    );
    const read = 'When the API keys file was last read after a change';
    metrics.gauge('api_keys_file_last_reload_timestamp_seconds', read, [], () =>
      keys.lastReload ? [{ value: keys.lastReload.at / 1000 }] : [],
    );
  }
}

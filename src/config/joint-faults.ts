import { isLoopback } from '../core/ip.js';
import type { Fault } from '../core/problem.js';

interface Given {
  HOST?: string | undefined;
  AUTH_MODE?: string | undefined;
  API_KEYS?: string | undefined;
  API_KEYS_FILE?: string | undefined;
  DATABASE_URL?: string | undefined;
  DATABASE_DIRECT_URL?: string | undefined;
}

/** What is wrong with variables taken together. Who may come in matters only to a process that listens. */
export const jointFaults = (given: Given, listens: boolean): Fault[] => [
  ...databaseFaults(given),
  ...(listens ? authFaults(given) : []),
];

function databaseFaults({ DATABASE_URL, DATABASE_DIRECT_URL }: Given): Fault[] {
  if (!DATABASE_DIRECT_URL || DATABASE_URL) return [];
  const message = 'is another way to the database of DATABASE_URL, which is not set; set both, or neither';
  return [{ path: 'DATABASE_DIRECT_URL', message }];
}

/** Whoever can reach the API needs a key, unless somebody said otherwise. */
function authFaults({ HOST = 'localhost', AUTH_MODE, API_KEYS, API_KEYS_FILE }: Given): Fault[] {
  const keys = API_KEYS_FILE ?? API_KEYS;
  if (API_KEYS && API_KEYS_FILE)
    return [{ path: 'API_KEYS_FILE', message: 'API_KEYS is set too; set only one of them' }];
  if (AUTH_MODE === 'none' && keys)
    return [{ path: 'AUTH_MODE', message: 'none would ignore the keys that are set; remove them, or AUTH_MODE' }];
  if (AUTH_MODE === 'keys' && !keys)
    return [{ path: 'AUTH_MODE', message: 'keys needs some; set API_KEYS_FILE or API_KEYS' }];
  if (!AUTH_MODE && !keys && !isLoopback(HOST))
    return [
      {
        path: 'HOST',
        message: `"${HOST}" can be reached from outside, and there are no keys; set API_KEYS_FILE or API_KEYS, \
or AUTH_MODE=none where something in front of it checks who asks`,
      },
    ];
  return [];
}

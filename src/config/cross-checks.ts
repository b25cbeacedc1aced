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

/** Faults of variables that contradict each other. Authentication is checked only for a process that `listens`. */
export const crossCheck = (given: Given, listens: boolean): Fault[] => [
  ...databaseFaults(given),
  ...(listens ? authFaults(given) : []),
];

function databaseFaults({ DATABASE_URL, DATABASE_DIRECT_URL }: Given): Fault[] {
  if (!DATABASE_DIRECT_URL || DATABASE_URL) return [];
  const message = 'is a second URL of the database in DATABASE_URL, which is not set; set both or neither';
  return [{ path: 'DATABASE_DIRECT_URL', message }];
}

/** An API that other machines can reach needs keys, unless AUTH_MODE=none says that it does not. */
function authFaults({ HOST = 'localhost', AUTH_MODE, API_KEYS, API_KEYS_FILE }: Given): Fault[] {
  const keys = API_KEYS_FILE ?? API_KEYS;
  if (API_KEYS && API_KEYS_FILE)
    return [{ path: 'API_KEYS_FILE', message: 'API_KEYS is set too; set only one of them' }];
  if (AUTH_MODE === 'none' && keys)
    return [
      { path: 'AUTH_MODE', message: 'none would ignore the API keys that are set; remove the keys or AUTH_MODE' },
    ];
  if (AUTH_MODE === 'keys' && !keys)
    return [{ path: 'AUTH_MODE', message: 'keys needs API keys; set API_KEYS_FILE or API_KEYS' }];
  if (!AUTH_MODE && !keys && !isLoopback(HOST))
    return [
      {
        path: 'HOST',
        message: `"${HOST}" can be reached from other machines, and there are no API keys; set API_KEYS_FILE or API_KEYS, \
or AUTH_MODE=none when a proxy in front of the service authenticates requests`,
      },
    ];
  return [];
}

import { existsSync } from 'node:fs';
import { pathFault } from '../core/path-fault.js';
import { Problem } from '../core/problem.js';
import type { Variables } from './environment.js';

/** Adds the variables of the file to those of the process, which take precedence. Does nothing if there is no such file. Throws
 *  BAD_ENVIRONMENT if it cannot be read. */
export function loadEnvFile(path: string): void {
  if (!existsSync(path)) return;
  const fault = pathFault(path, 'file');
  if (fault !== null) throw new Problem(500, 'BAD_ENVIRONMENT', `${path}: ${fault}, or remove it`);
  process.loadEnvFile(path);
}

const URLS = ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'SQL_TASK_DATABASE_URL'] as const;
/** The parameters of a database URL that name files, which pg reads with each connection. */
const FILES = ['sslrootcert', 'sslcert', 'sslkey'];

/** Throws BAD_ENVIRONMENT if a database URL names a certificate or key that cannot be read. */
export function checkUrlFiles(variables: Variables): void {
  const faults = URLS.flatMap((name) => {
    const url = URL.parse(variables[name] ?? '');
    return FILES.flatMap((parameter) => {
      const path = url?.searchParams.get(parameter);
      const message = path ? pathFault(path, 'file') : null;
      return message === null ? [] : [{ path: name, message: `its ${parameter} cannot be used: ${message}` }];
    });
  });
  if (faults.length === 0) return;
  const lines = faults.map(({ path, message }) => `  ${path}: ${message}`);
  throw new Problem(500, 'BAD_ENVIRONMENT', `The environment has faults:\n${lines.join('\n')}`, faults);
}
